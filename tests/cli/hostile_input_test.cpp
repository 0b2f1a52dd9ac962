// Tables, arguments and files of runs that nobody means, as a user meets them.
#include <gtest/gtest.h>

#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

class HostileInput : public CommandTest {};

// A variable of a script that was never set, a name with a slip: said, never taken for something
// else.
TEST_F(HostileInput, WhatIsEmptyOrUnknownIsNotPassedOver) {
  write_file(folder_ / "t.csv", "a,kind\n1,x\n2,y\n3,x\n4,y\n");
  for (const Words& words :
       {Words{"train", "--resume", "", "--data", "iris"}, Words{"train", "--data", ""},
        Words{"train", "--data", "iris", "--out", ""}, Words{"eval", "run", "--data", ""},
        Words{"report", ""}, Words{"data", "show", ""}, Words{"predict", "run", ""},
        Words{"data", "split", "x", "--out", ""}, Words{"train", ""}}) {
    bad(words, 2, {"an empty text was given"});
  }
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
  bad({"summary", "mpl"}, 2, {"mpl: no such file or run", "did you mean \"mlp\""});
  bad({"train", "--data", "t.csv", "--set", "data.leave_out=kind"}, 2, {"kind", "is the target"});
  EXPECT_EQ(json({"--version"})["version"], NACRE_VERSION);
  EXPECT_NE(json({"train", "--help"})["help"].get<std::string>().find("--resume"),
            std::string::npos);
}

// Texts of any length where a name is expected.
TEST_F(HostileInput, ATableOfTextsIsNoWallOfText) {
  const std::string wall(2000000, 'w');
  const auto rows = [&](const std::string& head, const std::string& cell) {
    std::string out = head + "\n";
    for (int i = 0; i < 40; ++i) {
      out += std::to_string(i % 7) +
             (i == 9  ? "," + cell
              : i % 3 ? ",red"
                      : ",blue") +
             (i % 2 ? ",a\n" : ",b\n");
    }
    return out;
  };
  write_file(folder_ / "head.csv", rows("x," + wall + ",kind", "red"));
  bad({"data", "show", "head.csv"}, 1, {"row 1: the name of column 2 has 2,000,000 bytes"});
  write_file(folder_ / "cell.csv", rows("x,colour,kind", wall));
  EXPECT_LT(good({"data", "show", "cell.csv"}).size(), 2000u);
  write_file(folder_ / "class.csv", rows("x,colour,kind", wall));
  const Finished f =
      run({"train", "--data", "class.csv", "--set", "data.target=colour", "--epochs", "1"});
  EXPECT_EQ(f.code, 1);
  EXPECT_NE(f.output.find("looks like text"), std::string::npos);
  EXPECT_LT(f.output.size(), 2000u);
  write_file(folder_ / "lines.txt", "a\tx\n" + wall + "\ty\nb\tz\n");
  bad({"train", "--data", "lines.txt"}, 1, {"text 2", "2,000,000 bytes", "other way round"});
  write_file(folder_ / "one.csv", "a,b,c\n");
  bad({"train", "--data", "one.csv"}, 1, {"one.csv", "one row of data", "names alone"});
}

// What a run keeps is damage of that file, whatever is wrong with it; nothing is learned anew.
TEST_F(HostileInput, ASetupThatIsDamagedIsSaidAsOne) {
  std::string rows = "a,colour,kind\n";
  for (int i = 0; i < 60; ++i) {
    rows += std::to_string(i % 7) + (i % 3 ? ",red" : ",blue") + (i % 2 ? ",a\n" : ",b\n");
  }
  write_file(folder_ / "t.csv", rows);
  good({"train", "--data", "t.csv", "--epochs", "1", "--out", "s", "--quiet"});
  const Json whole = Json::parse(contents(folder_ / "s/setup.json"));
  const auto with = [&](const char* key, const Json& value) {
    Json changed = whole;
    changed.erase("digest");
    changed[key] = value;
    write_file(folder_ / "s/setup.json", changed.dump());
  };
  const Words resume{"train", "--resume", "s", "--epochs", "2", "--quiet"};
  for (const char* layers : {"{}", "[{\"type\":\"dense\",\"units\":-3}]", "[]", "x"}) {
    with("layers", layers);
    bad(resume, 1, {"s/setup.json", "\"layers\"", "damaged"});
    bad({"eval", "s"}, 1, {"s/setup.json"});
  }
  with("preprocessing", "");
  bad({"eval", "s"}, 1, {"s/setup.json", "\"preprocessing\"", "damaged"});
  bad(resume, 1, {"s/setup.json", "\"preprocessing\""});
  with("preprocessing", "{\"kind\":\"table\"}");
  bad({"eval", "s"}, 1, {"s/setup.json", "\"preprocessing\"", "\"classes\" is missing"});
  Json encoder = Json::parse(whole["preprocessing"].get<std::string>());
  encoder["inputs"] = Json::array();  // divided by the number of its features before
  with("preprocessing", encoder.dump());
  bad({"eval", "s"}, 1, {"s/setup.json", "\"inputs\"", "at least one input"});
  with("preprocessing", whole["preprocessing"]);
  // Layers of another network: the checkpoint is not of it, and going on again would not help.
  with("layers", "[{\"type\":\"dense\",\"units\":2}]");
  const Finished f = run(resume);
  EXPECT_EQ(f.code, 1);
  EXPECT_NE(f.output.find("cannot go on from it"), std::string::npos) << f.output;
  EXPECT_EQ(f.output.find("go on with: nacre"), std::string::npos) << f.output;
}

}  // namespace
}  // namespace nacre::test
