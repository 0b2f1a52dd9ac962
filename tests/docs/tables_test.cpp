// The documentation's tables say what the program's tables say.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tools/doc_tables.h"

namespace nacre {
namespace {

TEST(DocTables, AreUpToDate) {
  for (const std::string page : kPagesWithTables) {
    std::ifstream file(std::string(NACRE_SOURCE_DIR "/docs/") + page);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const std::string made = page == "ops.md" ? ops_markdown() : with_tables(text);
    EXPECT_TRUE(text == made) << page << " is out of date: run `make docs`";
    EXPECT_TRUE(page == "ops.md" || text.find("<!-- table ") != text.npos) << page;
  }
}

// A page whose table lacks a row is another than the one that is made of it.
TEST(DocTables, ALostRowShows) {
  const std::string page = "x\n<!-- table optimizers, made by `make docs` -->\n<!-- end -->\ny\n";
  const std::string made = with_tables(page);
  EXPECT_NE(made, page);
  EXPECT_NE(made.find("| `lion` |"), made.npos);
  EXPECT_EQ(with_tables(made), made);
}

}  // namespace
}  // namespace nacre
