// A run that is killed at any change of a file, or finds the disk full there, loses nothing: it
// goes on and ends with the same files, bit for bit.
//
// The suite tries some places of each command; NACRE_KILLS=all (`make kill-test`) tries every one,
// and 200 random moments.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <thread>

#include "nacre/base/random.h"
#include "tests/cli/program.h"
#include "tests/support/files.h"

#ifdef NACRE_FAULT_LIBRARY

namespace nacre::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Files = std::map<std::string, std::string>;

bool all_of_them() {
  const char* kills = std::getenv("NACRE_KILLS");
  return kills && std::string(kills) == "all";
}

const Words kTrain{"train",    "--data", "d.csv",
                   "--epochs", "3",      "--batch-size",
                   "16",       "--set",  "train.checkpoint_every=2",
                   "--out",    "run",    "--quiet"};
// Trains on with what kTrain left.
const Words kOn{"train", "--resume", "run", "--epochs", "5", "--quiet"};
const Words kReport{"report", "run"};
const Words kEval{"eval", "run", "--json"};

class Crash : public ::testing::Test {
 protected:
  void SetUp() override {
    RandomStream random(11);
    std::string rows = "a,b,colour,kind\n";
    for (int i = 0; i < 90; ++i) {
      const double a = random.uniform(-1, 1);
      rows += std::to_string(a) + "," + std::to_string(random.uniform(-1, 1)) +
              (i % 3 ? ",red," : ",blue,") + (a > 0 ? "good\n" : "bad\n");
    }
    write_file(folder_ / "d.csv", rows);
  }

  Finished run(const Words& words, const std::string& fault = {}) {
    Environment environment;
    if (!fault.empty()) {
      environment = {std::string("LD_PRELOAD=") + NACRE_FAULT_LIBRARY, "NACRE_FAULT=" + fault,
                     "NACRE_FAULT_UNDER=" + fs::canonical(folder_.path()).string() + "/run"};
    }
    return run_program(folder_.path(), words, environment);
  }
  void good(const Words& words) {
    const Finished done = run(words);
    ASSERT_EQ(done.code, 0) << done.output;
  }
  // The changes of files that a command makes.
  int changes_of(const Words& words) {
    const fs::path count = folder_ / "count.txt";
    fs::remove(count);
    const Finished done = run(words, "count:" + count.string());
    EXPECT_EQ(done.code, 0) << done.output;
    const std::string text = contents(count);
    return text.empty() ? 0 : std::stoi(text);
  }
  // The numbers of those to try.
  static std::vector<int> places(int changes, int some) {
    std::vector<int> out;
    const int step = all_of_them() ? 1 : std::max(1, changes / some);
    for (int n = 1 + changes % step / 2; n <= changes; n += step) out.push_back(n);
    // Early on there is a configuration and no checkpoint yet: as before the first step.
    if (step > 1) out.push_back(std::min(changes, 30));
    return out;
  }

  // All that a run is; of its checkpoints the last, for how many older ones there are depends on
  // where it was interrupted.
  Files files() const {
    Files out;
    std::string last;
    if (!fs::exists(folder_ / "run")) return out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "run")) {
      const fs::path& path = entry.path();
      if (!entry.is_regular_file() || path.filename() == ".lock") continue;
      const std::string name = fs::relative(path, folder_ / "run").string();
      if (path.extension() == ".checkpoint") {
        last = std::max(last, name);
      } else {
        out[name] = contents(path);
      }
    }
    if (!last.empty()) out[last] = contents(folder_ / "run" / last);
    return out;
  }
  static void expect_same(const Files& now, const Files& expected) {
    for (const auto& [name, text] : expected) {
      ASSERT_TRUE(now.contains(name)) << name << " is missing";
      EXPECT_TRUE(now.at(name) == text) << name << " differs";
    }
    for (const auto& [name, text] : now) EXPECT_TRUE(expected.contains(name)) << name;
  }

  void put(const Files& state) {
    fs::remove_all(folder_ / "run");
    for (const auto& [name, text] : state) {
      fs::create_directories((folder_ / "run" / name).parent_path());
      write_file(folder_ / "run" / name, text);
    }
  }

  // After `before`, `words` with each fault and then once more without ends as without a fault.
  // What history there was is there at every moment.
  void survives(const Files& before, const Words& words, const std::string& fault, int some) {
    put(before);
    const int changes = changes_of(words);
    ASSERT_GT(changes, 0);
    const Files expected = files();
    const auto old = before.find("history.jsonl");
    for (const int n : places(changes, some)) {
      SCOPED_TRACE(fault + std::to_string(n) + " of " + std::to_string(changes));
      put(before);
      const Finished stopped = run(words, fault + std::to_string(n));
      if (fault == "kill:") {
        ASSERT_EQ(stopped.code, 128 + SIGKILL) << stopped.output;
      } else if (stopped.code != 0) {  // the last changes may be removals, for which there is room
        ASSERT_EQ(stopped.code, 1) << stopped.output;
        EXPECT_NE(stopped.output.find("No space left on device"), std::string::npos)
            << stopped.output;
        EXPECT_NE(stopped.output.find("run"), std::string::npos) << stopped.output;
        for (const auto& [name, text] : files()) EXPECT_EQ(name.find(".part-"), name.npos) << name;
      }
      if (old != before.end()) {
        EXPECT_TRUE(contents(folder_ / "run/history.jsonl").starts_with(old->second));
      }
      finish(words);
      expect_same(files(), expected);
      if (HasFatalFailure()) return;
    }
  }
  // What a user does after a crash.
  void finish(const Words& words) {
    good(words == kTrain && fs::exists(folder_ / "run/config.json")
             ? Words{"train", "--resume", "run", "--quiet"}
             : words);
  }
  // The same with kills at random moments of the time the command takes.
  void survives_moments(const Files& before, const Words& words, int moments) {
    put(before);
    const auto begin = std::chrono::steady_clock::now();
    good(words);
    const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;
    const Files expected = files();
    RandomStream random(5);
    for (int i = 0; i < moments; ++i) {
      put(before);
      const pid_t child = start_program(folder_.path(), words);
      const auto moment = whole * random.uniform(0, 1);
      SCOPED_TRACE("after " + std::to_string(moment.count()) + " s");
      std::this_thread::sleep_for(moment);
      kill(child, SIGKILL);
      wait_for(child, folder_.path());
      finish(words);
      expect_same(files(), expected);
      if (HasFatalFailure()) return;
    }
  }
  Files trained() {
    fs::remove_all(folder_ / "run");
    good(kTrain);
    Files all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "run")) {
      if (entry.is_regular_file()) {
        all[fs::relative(entry.path(), folder_ / "run").string()] = contents(entry.path());
      }
    }
    return all;
  }
  TemporaryFolder folder_;
};

TEST_F(Crash, TrainKilledAtAChange) { survives({}, kTrain, "kill:", 6); }
TEST_F(Crash, TrainOnAFullDisk) { survives({}, kTrain, "full:", 5); }
TEST_F(Crash, ResumeKilledAtAChange) { survives(trained(), kOn, "kill:", 4); }
TEST_F(Crash, ResumeOnAFullDisk) { survives(trained(), kOn, "full:", 4); }
TEST_F(Crash, ReportKilledAtAChange) { survives(trained(), kReport, "kill:", 3); }
TEST_F(Crash, ReportOnAFullDisk) { survives(trained(), kReport, "full:", 2); }
TEST_F(Crash, EvalChangesNothing) {
  const Files before = trained();
  EXPECT_EQ(changes_of(kEval), 0);
  survives_moments(before, kEval, all_of_them() ? 20 : 1);
}
TEST_F(Crash, KilledAtRandomMoments) {
  survives_moments({}, kTrain, all_of_them() ? 100 : 2);
  survives_moments(trained(), kOn, all_of_them() ? 60 : 1);
  survives_moments(trained(), kReport, all_of_them() ? 20 : 1);
}

}  // namespace
}  // namespace nacre::test

#endif
