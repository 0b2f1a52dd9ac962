// Folders, files and damaged bytes for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

namespace nacre::test {

// An empty folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A file of the data pantry ($NACRE_PANTRY, else ../shared/data beside the source), or an empty
// path when it is not there.
std::filesystem::path pantry(const std::string& name);

// Fails the test unless f throws an E whose text contains all parts.
template <class E, class F>
void expect_error(F&& f, std::initializer_list<const char*> parts) {
  try {
    f();
  } catch (const E& e) {
    for (const char* part : parts) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos)
          << "\"" << part << "\" is missing in: " << e.what();
    }
    return;
  }
  ADD_FAILURE() << "no error";
}

// Feeds `parse` the sample cut at every length (at most `cuts` of them) and with bytes changed at
// random places. An IoError or success is fine, anything else fails the test.
void batter(const std::string& sample, const std::function<void(const std::string&)>& parse,
            int cuts = 300, int changes = 600);

}  // namespace nacre::test

// Skips a test for want of a file of the data pantry.
#define NACRE_NEED_PANTRY(variable, name)                           \
  const std::filesystem::path variable = nacre::test::pantry(name); \
  if (variable.empty()) GTEST_SKIP() << "no " << name << " in $NACRE_PANTRY"
