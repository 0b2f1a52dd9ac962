// The seam for backends in the source: what is the CPU's stays in kernels/cpu/, and elements are
// read where they were brought to the host. (A backend that ends the program for each stray read is
// in tests/support/host2.h; this finds what no test runs.)
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace nacre {
namespace {

using Line = std::function<void(const std::string& file, int number, const std::string& line)>;

// Every line of the library and the command line program but those of kernels/cpu/, without
// comments.
void for_each_line(const Line& f) {
  const std::filesystem::path root = NACRE_SOURCE_DIR;
  for (const char* folder : {"nacre", "cli"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp") continue;
      const std::string file = std::filesystem::relative(entry.path(), root).string();
      if (file.starts_with("nacre/kernels/cpu/")) continue;
      std::ifstream in(entry.path());
      std::string line;
      for (int number = 1; std::getline(in, line); ++number) {
        f(file, number, line.substr(0, line.find("//")));
      }
    }
  }
}

// Fails for lines that match outside of the files of the list, and for files of the list without
// one.
void expect_only_in(const std::string& pattern, const std::map<std::string, std::string>& allowed,
                    const std::string& hint) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for_each_line([&](const std::string& file, int number, const std::string& line) {
    if (!std::regex_search(line, expression)) return;
    found.insert(file);
    EXPECT_TRUE(allowed.count(file)) << file << ":" << number << ": " << line << "\n" << hint;
  });
  for (const auto& [file, why] : allowed) {
    EXPECT_TRUE(found.count(file)) << file << " needs no exception any more: " << why;
  }
}

TEST(Seam, NobodyIncludesTheCpu) {
  expect_only_in("#include \"nacre/kernels/cpu/", {}, "ask the backend (kernels/backend.h)");
}

TEST(Seam, ElementsAreReadOnTheHost) {
  // A tensor that came from on_host() is called `here`.
  expect_only_in(R"((^|[^\w])(?!here\b)\w+(\[[^\]]*\])?(\.|->)(raw_data\(\)|data<))",
                 {{"nacre/tensor/print.cpp", "prints what on_host() gave"},
                  {"nacre/ops/define/structural.cpp", "a reference: its tensors are the host's"},
                  {"nacre/ops/define/fused.cpp", "a reference: its tensors are the host's"},
                  {"nacre/passes/simplify.cpp", "constants of graphs are the host's"},
                  {"nacre/io/safetensors.cpp", "writes what on_host() gave"},
                  {"nacre/io/safetensors_header.cpp", "writes what on_host() gave"},
                  {"nacre/io/checkpoint.cpp", "writes what on_host() gave"},
                  {"nacre/data/sources.cpp", "brings its tensors to the host when it is made"},
                  {"nacre/data/steps.cpp", "brings each sample to the host"},
                  {"nacre/data/preprocess.cpp", "brings the picture to the host"},
                  {"nacre/data/sound/sound.cpp", "brings the sound to the host"},
                  {"nacre/data/text/text.cpp", "reads what its encoder made"},
                  {"nacre/data/image/image_jpeg.cpp", "reads what its decoder made"},
                  {"nacre/data/sets/cifar_10.cpp", "reads what a reader of files made"}},
                 "read a tensor `here` that on_host() gave");
}

TEST(Seam, AddressesAreForKernels) {
  expect_only_in(R"(buffer\(\)\.data\(\))",
                 {{"nacre/tensor/tensor.cpp", "copies by the memory space"},
                  {"nacre/run/eager.cpp", "runs kernels"},
                  {"nacre/run/plan_cache.cpp", "binds arguments of plans"},
                  {"nacre/run/precision.cpp", "times kernels"},
                  {"nacre/run/profile.cpp", "times kernels"}},
                 "an address of a tensor means nothing to the host: read on_host()");
}

}  // namespace
}  // namespace nacre
