// Every C++ block of the pages stands, word for word, in a program that the tests compile and run:
// tests/docs/*.cpp and examples/*.cpp. Indentation as a whole and empty lines do not count.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "nacre/base/file.h"

namespace nacre {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.find_first_not_of(' ') != std::string::npos) lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

// The lines of each block between "```cpp" and "```".
std::vector<Lines> blocks_of(const std::string& page) {
  std::vector<Lines> blocks;
  bool inside = false;
  for (const std::string& line : lines_of(page)) {
    if (line == "```cpp") {
      blocks.emplace_back();
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().push_back(line);
    }
  }
  return blocks;
}

std::size_t indentation(const std::string& line) { return line.find_first_not_of(' '); }

// Whether the block stands in the source, all of it moved by the same number of blanks.
bool contains(const Lines& source, const Lines& block) {
  const auto fits = [&](std::size_t at) {
    const std::size_t shift = indentation(source[at]);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::string& line = source[at + i];
      const std::size_t blanks = indentation(block[i]) + shift - indentation(block[0]);
      if (indentation(line) != blanks ||
          line.substr(blanks) != block[i].substr(indentation(block[i])))
        return false;
    }
    return true;
  };
  for (std::size_t at = 0; at + block.size() <= source.size(); ++at) {
    if (fits(at)) return true;
  }
  return false;
}

TEST(Pages, ABlockIsFoundOnlyAsItStands) {
  const Lines source = lines_of("int f() {\n  if (x) {\n\n    y();\n  }\n}\n");
  EXPECT_TRUE(contains(source, {"if (x) {", "  y();", "}"}));
  EXPECT_TRUE(contains(source, {"  y();"}));
  EXPECT_FALSE(contains(source, {"if (x) {", "y();", "}"}));
  EXPECT_FALSE(contains(source, {"if (x) {", "  z();", "}"}));
  EXPECT_FALSE(contains(source, {"}", "}", "}"}));
  EXPECT_EQ(blocks_of("a\n```cpp\nb\n\nc\n```\n```sh\nd\n```\n```cpp\ne\n```\n"),
            (std::vector<Lines>{{"b", "c"}, {"e"}}));
}

TEST(Pages, EveryBlockIsCompiledAndRun) {
  namespace fs = std::filesystem;
  const fs::path root = NACRE_SOURCE_DIR;
  std::vector<Lines> sources;
  for (const char* folder : {"tests/docs", "examples"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      if (entry.path().extension() != ".cpp" || entry.path().filename() == "pages_test.cpp")
        continue;
      sources.push_back(lines_of(read_file(entry.path())));
    }
  }
  std::vector<fs::path> pages = {root / "README.md", root / "README.zh-CN.md"};
  for (const auto& entry : fs::directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  int blocks = 0;
  for (const fs::path& page : pages) {
    for (const Lines& block : blocks_of(read_file(page))) {
      ASSERT_FALSE(block.empty()) << page;
      ++blocks;
      EXPECT_TRUE(std::any_of(sources.begin(), sources.end(),
                              [&](const Lines& source) { return contains(source, block); }))
          << page.filename() << ": no program of tests/docs or examples has the block that begins\n"
          << block.front();
    }
  }
  EXPECT_GT(blocks, 30);
}

}  // namespace
}  // namespace nacre
