// docs/ops.md says what the table says.
#include "tools/ops_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace nacre {
namespace {

TEST(OpsTable, DocumentIsUpToDate) {
  std::ifstream file(NACRE_SOURCE_DIR "/docs/ops.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(text == ops_markdown()) << "run `make docs`";
}

}  // namespace
}  // namespace nacre
