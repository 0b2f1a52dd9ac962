// What tests of whole commands share.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/support/files.h"

namespace nacre::test {

using Json = nlohmann::json;
using Words = std::vector<std::string>;

// Commands in a folder of their own.
class CommandTest : public ::testing::Test {
 protected:
  Finished run(const Words& words) { return run_program(folder_.path(), words); }
  // The output of a command that must succeed.
  std::string good(const Words& words) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, 0) << f.output;
    return f.output;
  }
  Json json(Words words) {
    words.push_back("--json");
    const std::string text = good(words);
    const Json value = Json::parse(text, nullptr, false);
    EXPECT_FALSE(value.is_discarded()) << text;
    return value;
  }
  // A command that must fail with this code and these words.
  void bad(const Words& words, int code, std::initializer_list<const char*> parts) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, code) << f.output;
    for (const char* part : parts) {
      EXPECT_NE(f.output.find(part), std::string::npos) << part << " is missing in: " << f.output;
    }
  }
  TemporaryFolder folder_;
};

}  // namespace nacre::test
