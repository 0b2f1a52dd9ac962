// The table of passes: what the documentation says of it, and which passes options ask for.
#include "nacre/passes/pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace nacre {
namespace {

// The part of docs/architecture.md between its marks.
std::string table_in_document() {
  std::ifstream file(NACRE_SOURCE_DIR "/docs/architecture.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string begin = "<!-- made from nacre/passes/passes.def; a test compares -->\n";
  const std::size_t at = text.find(begin);
  if (at == text.npos) return "";
  const std::size_t first = at + begin.size();
  return text.substr(first, text.find("<!-- end -->", first) - first);
}

std::string table_of_rows() {
  std::string out = "| pass | stage | what it does |\n|---|---|---|\n";
  for (const Pass& pass : pass_table()) {
    out += fmt::format("| `{}` | {} | {} |\n", pass.name,
                       pass.stage == Stage::shared ? "shared" : "lowering",
                       pass.what.empty() ? "again" : pass.what);
  }
  return out;
}

TEST(PassTable, DocumentIsUpToDate) {
  EXPECT_EQ(table_in_document(), table_of_rows())
      << "put the second text between the marks in docs/architecture.md";
}

TEST(PassTable, EachPassIsDescribedWhereItFirstRuns) {
  std::set<std::string_view> seen;
  for (const Pass& pass : pass_table()) {
    EXPECT_EQ(seen.insert(pass.name).second, !pass.what.empty()) << pass.name;
  }
}

TEST(PassTable, OptionsChoose) {
  const auto names = [](const PassOptions& options) {
    std::set<std::string_view> set;
    for (const Pass& pass : default_passes(options)) set.insert(pass.name);
    return set;
  };
  EXPECT_TRUE(names({}).contains("fuse_elementwise"));
  EXPECT_FALSE(names({}).contains("lower_to_bfloat16"));
  EXPECT_FALSE(names({.fuse = false}).contains("fuse_elementwise"));
  EXPECT_TRUE(names({.bfloat16 = true}).contains("lower_to_bfloat16"));
  // Every row serves: no backend has all of them for itself, but the CPU asks for each.
  std::set<std::string_view> all;
  for (const Pass& pass : pass_table()) all.insert(pass.name);
  EXPECT_EQ(names({.bfloat16 = true}), all);
}

}  // namespace
}  // namespace nacre
