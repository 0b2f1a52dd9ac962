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
                                         "--threads",
                                         "1",
                                         "--set",
                                         "train.checkpoint_every=5",
                                         "--set",
                                         "train.schedule=cosine",
                                         "--augment",
                                         "crop",
                                         "--out"};

std::vector<std::string> training(const std::string& run) {
  std::vector<std::string> words = kTraining;
  words.push_back(run);
  return words;
}

std::size_t epochs_of(const fs::path& run) {
  const std::string lines = contents(run / "history.jsonl");
  return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
}

class Killed : public ::testing::Test {
 protected:
  // The weights of a run that nothing disturbs.
  std::string undisturbed() {
    const Finished whole = run_program(folder_.path(), training("whole"));
    EXPECT_EQ(whole.code, 0) << whole.output;
    return contents(folder_ / "whole/model.safetensors");
  }
  TemporaryFolder folder_;
};

TEST_F(Killed, GoesOnAfterSigkill) {
  const std::string expected = undisturbed();
  ASSERT_FALSE(expected.empty());
  const fs::path run = folder_ / "killed";
  pid_t child = start_program(folder_.path(), training("killed"));
  await(child, [&] { return fs::exists(run / "checkpoint.safetensors"); });
  kill(child, SIGKILL);
  EXPECT_EQ(wait_for(child, folder_.path()).code, 128 + SIGKILL);
  // And once more, some epochs later.
  child = start_program(folder_.path(), {"train", "--resume", "killed", "--threads", "1"});
  await(child, [&] { return epochs_of(run) >= 3; });
  kill(child, SIGKILL);
  EXPECT_EQ(wait_for(child, folder_.path()).code, 128 + SIGKILL);
  const Finished rest =
      run_program(folder_.path(), {"train", "--resume", "killed", "--threads", "1"});
  ASSERT_EQ(rest.code, 0) << rest.output;
  EXPECT_TRUE(contents(run / "model.safetensors") == expected);
}

TEST_F(Killed, StopsAndSavesOnInterrupt) {
  const std::string expected = undisturbed();
  const fs::path run = folder_ / "stopped";
  const pid_t child = start_program(folder_.path(), training("stopped"));
  await(child, [&] { return epochs_of(run) >= 2; });
  kill(child, SIGINT);
  const Finished stopped = wait_for(child, folder_.path());
  EXPECT_EQ(stopped.code, 130) << stopped.output;
  EXPECT_NE(stopped.output.find("train --resume stopped"), std::string::npos) << stopped.output;
  const Finished rest =
      run_program(folder_.path(), {"train", "--resume", "stopped", "--threads", "1"});
  ASSERT_EQ(rest.code, 0) << rest.output;
  EXPECT_TRUE(contents(run / "model.safetensors") == expected);
  EXPECT_EQ(epochs_of(run), 12u);
}

}  // namespace
}  // namespace nacre::test
