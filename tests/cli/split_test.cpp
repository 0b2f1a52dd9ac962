// `nacre data split`: the same choice everywhere, all of it or nothing.
#include <gtest/gtest.h>

#include <signal.h>

#include <map>
#include <set>

#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

class Split : public CommandTest {
 protected:
  // Two classes of 10 files, whose contents are their names.
  void SetUp() override {
    for (const char* name : {"cats", "dogs"}) {
      fs::create_directories(folder_ / "set" / name);
      for (int i = 0; i < 10; ++i) {
        const std::string file = std::string(1, static_cast<char>('a' + i)) + ".txt";
        write_file(folder_ / "set" / name / file, name + file);
      }
    }
  }
  // The files below a folder with their contents.
  std::map<std::string, std::string> below(const std::string& name) const {
    std::map<std::string, std::string> out;
    if (!fs::exists(folder_ / name)) return out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / name)) {
      if (!entry.is_regular_file()) continue;
      out[fs::relative(entry.path(), folder_ / name).string()] = contents(entry.path());
    }
    return out;
  }
  std::set<std::string> names(const std::string& name) const {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / name)) {
      out.insert(entry.path().filename().string());
    }
    return out;
  }
  using Names = std::set<std::string>;
};

// A choice that others can repeat: on another machine, with another standard library.
TEST_F(Split, IsTheSameEverywhere) {
  good({"data", "split", "set", "--out", "out", "--test", "0.3"});
  EXPECT_EQ(names("out/test/cats"), (Names{"e.txt", "f.txt", "i.txt"}));
  EXPECT_EQ(names("out/test/dogs"), (Names{"b.txt", "f.txt", "g.txt"}));
  EXPECT_EQ(below("out").size(), 20u);
  EXPECT_EQ(below("out").at("test/cats/" + *names("out/test/cats").begin()),
            "cats" + *names("out/test/cats").begin());
  good({"data", "split", "set", "--out", "other", "--test", "0.3", "--seed", "1"});
  EXPECT_NE(below("other"), below("out"));
}

TEST_F(Split, SaysWhatItLeavesOut) {
  write_file(folder_ / "set/notes.txt", "?");
  write_file(folder_ / "set/cats/.hidden", "?");
  fs::create_directories(folder_ / "set/cats/more");
  write_file(folder_ / "set/cats/more/z.txt", "deep");  // counts as a cat, as for the readers
  fs::create_directories(folder_ / "set/empty");
  const Json out = json({"data", "split", "set", "--out", "out"});
  EXPECT_EQ(out["train"], 17);
  EXPECT_EQ(out["test"], 4);
  EXPECT_EQ(
      below("out").count("train/cats/more/z.txt") + below("out").count("test/cats/more/z.txt"), 1u);
  ASSERT_EQ(out["warnings"].size(), 2u) << out;
  const std::string all = out["warnings"].dump();
  for (const char* name : {"notes.txt", "empty"}) {
    EXPECT_NE(all.find(name), std::string::npos) << all;
  }
}

TEST_F(Split, RefusesWhatCannotBeMeant) {
  bad({"data", "split", "set", "--out", "set/out"}, 2, {"set/out", "lies in"});
  bad({"data", "split", "set", "--out", "set"}, 2, {"lies in"});
  bad({"data", "split", "set", "--out", "out", "--test", "1"}, 2, {"--test"});
  bad({"data", "split", "none", "--out", "out"}, 1, {"none", "no such folder"});
  bad({"data", "split", "set/cats", "--out", "out"}, 1, {"set/cats", "one a class"});
  fs::create_directories(folder_ / "bare/a");
  bad({"data", "split", "bare", "--out", "out"}, 1, {"bare", "no files"});
  fs::create_directories(folder_ / "full/x");
  bad({"data", "split", "set", "--out", "full"}, 1, {"full", "not empty"});
  write_file(folder_ / "plain", "");
  bad({"data", "split", "set", "--out", "plain"}, 1, {"plain", "folder"});
  fs::create_symlink("nowhere", folder_ / "set/cats/link.txt");
  bad({"data", "split", "set", "--out", "out"}, 1, {"link.txt", "leads nowhere"});
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(Split, FillsAnEmptyFolderAndALinkToOne) {
  fs::create_directories(folder_ / "empty");
  good({"data", "split", "set", "--out", "empty/"});
  fs::create_directories(folder_ / "real");
  fs::create_symlink("real", folder_ / "link");
  good({"data", "split", "set", "--out", "link"});
  EXPECT_EQ(below("real"), below("empty"));
}

#ifdef NACRE_FAULT_LIBRARY
// Killed or without room at any change of a file: nothing, or all of it; the next one cleans up.
TEST_F(Split, IsAllOrNothing) {
  const Words words{"data", "split", "set", "--out", "out"};
  const auto with = [&](const std::string& fault) {
    return run_program(folder_.path(), words,
                       {std::string("LD_PRELOAD=") + NACRE_FAULT_LIBRARY, "NACRE_FAULT=" + fault,
                        "NACRE_FAULT_UNDER=" + fs::canonical(folder_.path()).string() + "/out"});
  };
  EXPECT_EQ(with("count:" + (folder_ / "count").string()).code, 0);
  const int changes = std::stoi(contents(folder_ / "count"));
  ASSERT_GT(changes, 20);
  const auto expected = below("out");
  for (int n = 1; n <= changes; n += 3) {
    for (const bool kills : {true, false}) {
      SCOPED_TRACE(std::to_string(n) + (kills ? " killed" : " full"));
      fs::remove_all(folder_ / "out");
      const Finished stopped = with((kills ? "kill:" : "full:") + std::to_string(n));
      if (kills) {
        ASSERT_EQ(stopped.code, 128 + SIGKILL) << stopped.output;
      } else if (stopped.code != 0) {  // all was in its place, but for the folder's own fsync
        EXPECT_EQ(stopped.code, 1);
        EXPECT_NE(stopped.output.find("No space left"), std::string::npos) << stopped.output;
      }
      if (fs::exists(folder_ / "out")) {
        EXPECT_EQ(below("out"), expected);
        fs::remove_all(folder_ / "out");
      }
      good(words);
      EXPECT_EQ(below("out"), expected);
      for (const std::string& name : names(".")) {
        EXPECT_EQ(name.find(".part-"), name.npos) << name << " is left";
      }
      if (HasFailure()) return;
    }
  }
}
#endif

}  // namespace
}  // namespace nacre::test
