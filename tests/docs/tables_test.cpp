// The documentation's tables say what the program's tables say.
#include <gtest/gtest.h>

#include "tools/doc_tables.h"

namespace nacre {
namespace {

TEST(DocTables, AreUpToDate) {
  for (const auto& [name, made] : made_files(NACRE_SOURCE_DIR)) {
    const std::string text = content_of(NACRE_SOURCE_DIR "/" + name);
    EXPECT_TRUE(text == made) << name << " is out of date: run `make docs`";
    if (!name.ends_with("ops.md") && name.ends_with(".md")) {
      EXPECT_NE(text.find("<!-- table "), text.npos) << name;
    }
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
