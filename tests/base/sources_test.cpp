// Rules that the sources themselves have to keep.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

namespace nacre {
namespace {

namespace fs = std::filesystem;

// The lines of the library and its program that have what `pattern` looks for, but for comments and
// the files named.
void expect_none(const std::string& pattern, const std::set<std::string>& but) {
  const fs::path root = NACRE_SOURCE_DIR;
  const std::regex wrong(pattern);
  int files = 0;
  for (const char* folder : {"nacre", "cli"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      ++files;
      const std::string name = fs::relative(entry.path(), root).string();
      if (but.contains(name)) continue;
      std::ifstream in(entry.path());
      std::string line;
      for (int number = 1; std::getline(in, line); ++number) {
        EXPECT_FALSE(std::regex_search(line.substr(0, line.find("//")), wrong))
            << name << ":" << number << ": " << line;
      }
    }
  }
  EXPECT_GT(files, 300);
}

// fmt::print throws when nobody reads, printf loses text without a word: base/output.h does
// neither.
TEST(Sources, PrintThroughOnePlace) {
  expect_none(R"(fmt::print|\bf?printf\(|\bf?put[cs]\(|std::(cout|cerr|clog)\b|\bperror\()",
              {"nacre/base/output.cpp"});
}

// Every standard library has its own std::hash, std::shuffle and distributions, and an order of its
// own in unordered containers. What reaches results is drawn by Philox, hashed by XXH64, sorted.
TEST(Sources, DrawNothingByTheStandardLibrary) {
  expect_none(R"(std::(shuffle|random_device|mt19937|minstd|default_random|\w+_distribution)\b)",
              {});
}
TEST(Sources, HashBytesTheSameEverywhere) {
  // Those that only look up what one process keeps: caches of plans and attributes, sets of words.
  expect_none(R"(std::hash<)", {"nacre/graph/attrs.cpp", "nacre/optim/optimizer.cpp",
                                "nacre/run/nest.h", "nacre/data/table/schema.h"});
}

}  // namespace
}  // namespace nacre
