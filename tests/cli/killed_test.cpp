// A run that is stopped at any moment goes on and ends bit for bit where it would have ended.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/cli/program.h"
#include "tests/support/files.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kTraining{"train",
                                         "--data",
                                         "digits",
                                         "--epochs",
                                         "12",
                                         "--set",
                                         "train.checkpoint_every=5",
                                         "--set",
                                         "train.schedule=cosine",
                                         "--augment",
                                         "crop",
                                         "--out"};

std::vector<std::string> training(const std::string& run, const std::string& threads,
                                  const std::string& workers) {
  std::vector<std::string> words = kTraining;
  for (const std::string& w :
       {run, std::string("--threads"), threads, std::string("--set"), "data.workers=" + workers}) {
    words.push_back(w);
  }
  return words;
}

std::size_t epochs_of(const fs::path& run) {
  const std::string lines = contents(run / "history.jsonl");
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

class Killed : public ::testing::Test {
 protected:
  // The weights of a run that nothing disturbs.
  std::string undisturbed(const std::string& threads) {
    const Finished whole = run_program(folder_.path(), training("whole", threads, "1"));
    EXPECT_EQ(whole.code, 0) << whole.output;
    return contents(folder_ / "whole/model.safetensors");
  }
  Finished resume(const std::string& run, const std::string& threads) {
    return run_program(folder_.path(), {"train", "--resume", run, "--threads", threads});
  }

  void goes_on_after_sigkill(const std::string& threads, const std::string& workers) {
    const std::string expected = undisturbed(threads);
    ASSERT_FALSE(expected.empty());
    const fs::path run = folder_ / "killed";
    pid_t child = start_program(folder_.path(), training("killed", threads, workers));
    await(child, [&] { return epochs_of(run) >= 1; });
    kill(child, SIGKILL);
    EXPECT_EQ(wait_for(child, folder_.path()).code, 128 + SIGKILL);
    // And once more, some epochs later.
    child = start_program(folder_.path(), {"train", "--resume", "killed", "--threads", threads});
    await(child, [&] { return epochs_of(run) >= 3; });
    kill(child, SIGKILL);
    EXPECT_EQ(wait_for(child, folder_.path()).code, 128 + SIGKILL);
    const Finished rest = resume("killed", threads);
    ASSERT_EQ(rest.code, 0) << rest.output;
    EXPECT_TRUE(contents(run / "model.safetensors") == expected);
    EXPECT_EQ(epochs_of(run), 12u);
  }

  void stops_and_saves(int signal) {
    const std::string expected = undisturbed("1");
    const fs::path run = folder_ / "stopped";
    const pid_t child = start_program(folder_.path(), training("stopped", "1", "1"));
    await(child, [&] { return epochs_of(run) >= 2; });
    kill(child, signal);
    const Finished stopped = wait_for(child, folder_.path());
    EXPECT_EQ(stopped.code, 128 + signal) << stopped.output;
    EXPECT_NE(stopped.output.find("train --resume stopped"), std::string::npos) << stopped.output;
    const Finished rest = resume("stopped", "1");
    ASSERT_EQ(rest.code, 0) << rest.output;
    EXPECT_TRUE(contents(run / "model.safetensors") == expected);
    EXPECT_EQ(epochs_of(run), 12u);
  }
  TemporaryFolder folder_;
};

TEST_F(Killed, GoesOnAfterSigkill) { goes_on_after_sigkill("1", "1"); }
TEST_F(Killed, GoesOnAfterSigkillWithTwoThreadsAndThreeWorkers) { goes_on_after_sigkill("2", "3"); }
// Ctrl-C exits with 130, what asks a process to end with 143: both after saving.
TEST_F(Killed, StopsAndSavesOnInterrupt) { stops_and_saves(SIGINT); }
TEST_F(Killed, StopsAndSavesOnTerminate) { stops_and_saves(SIGTERM); }

}  // namespace
}  // namespace nacre::test
