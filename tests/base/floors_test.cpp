// Folders are floors: a file includes only from its own folder and the floors above it in the list.
// Within ops/ folders are families: their headers form no circle.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

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

// The families that the headers of each family of ops include. Files of no family (api.h, the list
// of all) stand for themselves.
std::map<std::string, std::set<std::string>> families_of_ops() {
  const std::filesystem::path root = std::filesystem::path(NACRE_SOURCE_DIR) / "nacre" / "ops";
  const std::regex include(R"re(^\s*#include "nacre/ops/(([a-z_]+)/)?([a-z_]+\.h)")re");
  std::map<std::string, std::set<std::string>> families;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".h") continue;
    const auto relative = std::filesystem::relative(entry.path(), root);
    const std::string own = relative.begin()->string();
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string other = match[2].matched ? match[2].str() : match[3].str();
      if (other != own) families[own].insert(other);
    }
  }
  return families;
}

TEST(Floors, HeadersOfFamiliesFormNoCircle) {
  const auto families = families_of_ops();
  EXPECT_GT(families.size(), 10u);
  std::set<std::string> done;
  std::vector<std::string> way;
  const std::function<void(const std::string&)> visit = [&](const std::string& family) {
    for (const std::string& open : way) {
      if (open != family) continue;
      std::string circle;
      for (const std::string& step : way) circle += step + " -> ";
      ADD_FAILURE() << "ops/: " << circle << family;
      return;
    }
    if (done.count(family)) return;
    way.push_back(family);
    if (const auto found = families.find(family); found != families.end()) {
      for (const std::string& other : found->second) visit(other);
    }
    way.pop_back();
    done.insert(family);
  };
  for (const auto& [family, others] : families) visit(family);
}

}  // namespace
}  // namespace nacre
