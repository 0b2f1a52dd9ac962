// Folders are floors: a file includes only from its own folder and the floors above it in the list.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace nacre {
namespace {

// docs/architecture.md explains the order. Folders on one line stand on the same floor and may not
// include each other, but for those in kSideways.
const std::vector<std::vector<std::string>> kFloors = {
    {"base"},   {"graph"}, {"tensor"}, {"ops"}, {"kernels"}, {"autodiff"},
    {"passes"}, {"plan"},  {"run"},    {"nn"},  {"loss"},    {"metric", "optim"},
    {"data"},   {"io"},    {"train"},  {"zoo"}};

std::map<std::string, int> floor_numbers() {
  std::map<std::string, int> numbers;
  for (std::size_t i = 0; i < kFloors.size(); ++i) {
    for (const std::string& name : kFloors[i]) numbers[name] = static_cast<int>(i);
  }
  return numbers;
}

TEST(Floors, IncludesGoDownOnly) {
  const auto floors = floor_numbers();
  const std::filesystem::path root = std::filesystem::path(NACRE_SOURCE_DIR) / "nacre";
  const std::regex include(R"re(^\s*#include "(nacre/([a-z_]+)/[^"]*)")re");
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    const auto relative = std::filesystem::relative(entry.path(), root);
    if (relative == "nacre.h") continue;  // the door: it includes the public headers of all floors
    const std::string own = relative.begin()->string();
    ASSERT_TRUE(floors.count(own)) << "folder nacre/" << own << " is on no floor";
    ++files;
    std::ifstream in(entry.path());
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string other = match[2];
      ASSERT_TRUE(floors.count(other)) << relative << ":" << number << " " << line;
      EXPECT_TRUE(own == other || floors.at(other) < floors.at(own))
          << relative.string() << ":" << number << ": " << own << " may not include "
          << match[1].str();
    }
  }
  EXPECT_GT(files, 20);
}

}  // namespace
}  // namespace nacre
