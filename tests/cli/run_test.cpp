// A run keeps what it derived when it began, belongs to one process at a time, and ends saved.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "nacre/base/random.h"
#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

class Run : public CommandTest {
 protected:
  // Rows of noise: a model can know those it has seen, never others.
  void write_noise(const fs::path& file, int rows, std::uint64_t seed) {
    RandomStream random(seed);
    std::string text = "a,b,c,d,e,f,g,h,kind\n";
    for (int i = 0; i < rows; ++i) {
      for (int k = 0; k < 8; ++k) text += std::to_string(random.uniform(-1, 1)) + ",";
      text += random.below(2) ? "heads\n" : "tails\n";
    }
    write_file(folder_ / file, text);
  }
  void train_on_noise() {
    write_noise("noise.csv", 100, 1);
    good({"train", "--data", "noise.csv", "--out", "run", "--epochs", "150", "--quiet", "--set",
          "model.layers=[{\"type\":\"dense\",\"units\":64,\"activation\":\"relu\"},{\"type\":"
          "\"dense\",\"units\":2}]",
          "--set", "train.learning_rate=0.02", "--set", "data.validation=0"});
  }
  std::map<std::string, std::string> files(const std::string& run) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / run)) {
      if (entry.is_regular_file() && entry.path().filename() != ".lock") {
        out[entry.path().string()] = contents(entry.path());
      }
    }
    return out;
  }
};

TEST_F(Run, EvalTestsTheRowsThatWereKeptForTesting) {
  train_on_noise();
  const Json then = Json::parse(contents(folder_ / "run/evaluation.json"))["metrics"];
  EXPECT_LT(then["accuracy"].get<double>(), 0.76);
  EXPECT_EQ(json({"eval", "run"})["metrics"], then);
  const std::string rows = contents(folder_ / "noise.csv");
  // One row more, one less, two that change places, another class: all are other data.
  const std::string last = rows.substr(rows.rfind('\n', rows.size() - 2) + 1);
  for (const std::string& changed :
       {rows + last, rows.substr(0, rows.size() - last.size()),
        rows.substr(0, rows.find('\n') + 1) + last + rows.substr(rows.find('\n') + 1)}) {
    write_file(folder_ / "noise.csv", changed);
    bad({"eval", "run"}, 1, {"noise.csv", "has changed", "--data"});
    bad({"eval", "run/best.safetensors"}, 1, {"has changed"});
    bad({"train", "--resume", "run", "--epochs", "151"}, 1, {"has changed"});
  }
  write_file(folder_ / "noise.csv", rows);
  EXPECT_EQ(json({"eval", "run"})["metrics"], then);
  fs::remove(folder_ / "noise.csv");
  bad({"eval", "run"}, 1, {"noise.csv", "not there any more", "--data"});
}

// Other data counts as a whole; that it is the run's own is said.
TEST_F(Run, EvalTakesAllOfOtherData) {
  train_on_noise();
  write_noise("more.csv", 40, 2);
  const Json other = json({"eval", "run", "--data", "more.csv"});
  EXPECT_EQ(other["samples"], 40);
  EXPECT_FALSE(other.contains("includes_training_samples"));
  fs::copy_file(folder_ / "noise.csv", folder_ / "copy.csv");
  const Json own = json({"eval", "run", "--data", "copy.csv"});
  EXPECT_EQ(own["samples"], 100);
  EXPECT_EQ(own["includes_training_samples"], true);
  EXPECT_NE(good({"eval", "run", "--data", "copy.csv"}).find("was trained on"), std::string::npos);
  bad({"eval", "run", "--data", "digits"}, 1, {"digits", "heads"});
}

TEST_F(Run, ServesFromOtherFolders) {
  train_on_noise();
  const Json then = Json::parse(contents(folder_ / "run/evaluation.json"))["metrics"];
  const auto eval_in = [&](const fs::path& folder, const std::string& run) {
    fs::create_directories(folder);
    const Finished f = run_program(folder, {"eval", run, "--json"});
    EXPECT_EQ(f.code, 0) << f.output;
    return Json::parse(f.output, nullptr, false);
  };
  EXPECT_EQ(eval_in(folder_ / "elsewhere", "../run")["metrics"], then);
  // Run and data move along.
  fs::create_directories(folder_ / "moved");
  fs::rename(folder_ / "run", folder_ / "moved/run");
  fs::rename(folder_ / "noise.csv", folder_ / "moved/noise.csv");
  EXPECT_EQ(eval_in(folder_ / "elsewhere", "../moved/run")["metrics"], then);
  EXPECT_EQ(run_program(folder_ / "elsewhere",
                        {"train", "--resume", "../moved/run", "--epochs", "151", "--quiet"})
                .code,
            0);
}

// A text or a picture more, in a folder.
TEST_F(Run, KnowsItsFolderOfFiles) {
  for (const char* name : {"a", "b"}) {
    fs::create_directories(folder_ / "set" / name);
    for (int i = 0; i < 20; ++i) {
      write_file(folder_ / "set" / name / (std::to_string(i) + ".txt"),
                 std::string(name) + " word" + std::to_string(i));
    }
  }
  good({"train", "--data", "set", "--out", "run", "--epochs", "2", "--quiet"});
  const Json then = Json::parse(contents(folder_ / "run/evaluation.json"))["metrics"];
  EXPECT_EQ(json({"eval", "run"})["metrics"], then);
  // What is no sample does not count.
  write_file(folder_ / "set/.hidden", "x");
  write_file(folder_ / "set/notes.md", "x");
  EXPECT_EQ(json({"eval", "run"})["metrics"], then);
  write_file(folder_ / "set/a/20.txt", "a new one");
  bad({"eval", "run"}, 1, {"set", "has changed"});
  fs::rename(folder_ / "set/a/20.txt", folder_ / "elsewhere.txt");
  fs::rename(folder_ / "set/a/7.txt", folder_ / "set/b/77.txt");
  bad({"eval", "run"}, 1, {"has changed"});
}

TEST_F(Run, WhatItIsStaysFixed) {
  write_noise("noise.csv", 100, 1);
  good({"train", "--data", "noise.csv", "--out", "run", "--epochs", "2", "--quiet"});
  const auto before = files("run");
  for (const Words& change : std::initializer_list<Words>{{"--seed", "5"},
                                                          {"--batch-size", "16"},
                                                          {"--learning-rate", "0.1"},
                                                          {"--optimizer", "sgd"},
                                                          {"--precision", "bf16"},
                                                          {"--augment", "flip"},
                                                          {"--set", "data.test=0.5"},
                                                          {"--set", "data.target=a"},
                                                          {"--set", "model.name=linear"},
                                                          {"--set", "train.metrics=f1"}}) {
    Words words{"train", "--resume", "run"};
    words.insert(words.end(), change.begin(), change.end());
    bad(words, 2, {"since the run began", "begin a new run"});
  }
  bad({"train", "--resume", "run", "--epochs", "1"}, 2, {"train.epochs", "--epochs 2 or more"});
  bad({"train", "--resume", "run", "--epochs", "many"}, 2, {"train.epochs"});
  // An edited config.json is no way around.
  const std::string config = contents(folder_ / "run/config.json");
  Json edited = Json::parse(config);
  edited["train"]["seed"] = 5;
  write_file(folder_ / "run/config.json", edited.dump());
  bad({"train", "--resume", "run"}, 2, {"train.seed", "since the run began"});
  write_file(folder_ / "run/config.json", config);
  // Not a byte has changed.
  EXPECT_EQ(files("run"), before);
  good({"train", "--resume", "run", "--seed", "0", "--epochs", "3", "--quiet"});
  EXPECT_EQ(Json::parse(contents(folder_ / "run/config.json"))["train"]["epochs"], 3);
}

TEST_F(Run, DoesNotBeginAnewOverResults) {
  good({"train", "--data", "iris", "--out", "run", "--epochs", "2", "--quiet"});
  fs::rename(folder_ / "run/checkpoints", folder_ / "checkpoints");
  const auto before = files("run");
  bad({"train", "--resume", "run"}, 1, {"history.jsonl", "no checkpoint"});
  fs::remove(folder_ / "run/history.jsonl");
  bad({"train", "--resume", "run"}, 1, {"best.safetensors", "no checkpoint"});
  // Nor does a new run, where only config.json is missing.
  fs::rename(folder_ / "run/config.json", folder_ / "config.json");
  bad({"train", "--data", "iris", "--out", "run"}, 2, {"results of a run"});
  EXPECT_EQ(before.at((folder_ / "run/model.safetensors").string()),
            contents(folder_ / "run/model.safetensors"));
  fs::rename(folder_ / "config.json", folder_ / "run/config.json");
  fs::rename(folder_ / "checkpoints", folder_ / "run/checkpoints");
  good({"train", "--resume", "run", "--quiet"});
  // The log comes from the checkpoint.
  const std::string lines = contents(folder_ / "run/history.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

TEST_F(Run, BelongsToOneProcess) {
  const pid_t child = start_program(folder_.path(), {"train", "--data", "digits", "--epochs",
                                                     "100000", "--out", "run", "--quiet"});
  await(child, [&] { return fs::exists(folder_ / "run/history.jsonl"); });
  fs::create_directories(folder_ / "here");
  const std::string holder = "process " + std::to_string(child) + " on ";
  for (const Words& words : {Words{"train", "--resume", "../run"},
                             Words{"train", "--data", "digits", "--out", "../run"}}) {
    const Finished second = run_program(folder_ / "here", words);
    EXPECT_EQ(second.code, 1) << second.output;
    for (const std::string& part : {std::string("../run"), std::string("in use by"), holder,
                                    std::string("since 20"), std::string("UTC")}) {
      EXPECT_NE(second.output.find(part), std::string::npos) << part << ": " << second.output;
    }
  }
  // Reading is free.
  EXPECT_EQ(run_program(folder_ / "here", {"report", "../run"}).code, 0);
  kill(child, SIGKILL);
  wait_for(child, folder_.path());
  // The lock has died with its holder.
  EXPECT_EQ(run_program(folder_ / "here", {"report", "../run"}).code, 0);
  const pid_t next = start_program(folder_.path(), {"train", "--resume", "run", "--quiet"});
  await(next, [&] { return catches(next, SIGTERM); });
  kill(next, SIGTERM);
  EXPECT_EQ(wait_for(next, folder_.path()).code, 128 + SIGTERM);
}

// Whatever the signal and the moment: before the first step as well.
TEST_F(Run, SavesOnEverySignal) {
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
    SCOPED_TRACE(signal);
    const std::string name = "run" + std::to_string(signal);
    const pid_t child = start_program(
        folder_.path(), {"train", "--data", "digits", "--epochs", "3", "--out", name});
    await(child, [&] { return catches(child, signal); });
    kill(child, signal);
    const Finished stopped = wait_for(child, folder_.path());
    EXPECT_EQ(stopped.code, 128 + signal) << stopped.output;
    EXPECT_NE(stopped.output.find("train --resume " + name), std::string::npos) << stopped.output;
    EXPECT_TRUE(fs::exists(folder_ / name / "model.safetensors"));
    good({"train", "--resume", name, "--quiet"});
  }
  good({"train", "--data", "digits", "--epochs", "3", "--out", "whole", "--quiet"});
  const std::string expected = contents(folder_ / "whole/model.safetensors");
  for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
    EXPECT_TRUE(contents(folder_ / ("run" + std::to_string(signal)) / "model.safetensors") ==
                expected)
        << signal;
  }
}

TEST_F(Run, NohupStaysInForce) {
  const pid_t child = start_program(
      folder_.path(), {"train", "--data", "digits", "--epochs", "100000", "--out", "run"});
  await(child, [&] { return catches(child, SIGHUP); });
  EXPECT_TRUE(catches(child, SIGHUP));
  kill(child, SIGKILL);
  wait_for(child, folder_.path());
  const Finished f = run_shell(folder_.path(),
                               "trap '' HUP; $NACRE train --data digits --epochs 40 --out on & "
                               "while [ ! -e on/history.jsonl ]; do sleep 0.01; done; "
                               "kill -HUP $!; wait $!");
  EXPECT_EQ(f.code, 0) << f.output;
  EXPECT_NE(f.output.find("epoch 40/40"), std::string::npos) << f.output;
}

// A reader that goes away ends no training.
TEST_F(Run, GoesOnWithoutAReader) {
  const Finished f =
      run_shell(folder_.path(),
                "{ $NACRE train --data digits --epochs 3 --out run; echo $? >code; } "
                "| true; cat code");
  EXPECT_NE(f.output.find("Broken pipe"), std::string::npos) << f.output;
  EXPECT_NE(f.output.find("\n1\n"), std::string::npos) << f.output;
  EXPECT_TRUE(fs::exists(folder_ / "run/evaluation.json"));
}

TEST_F(Run, ClosedStreamsTakeNoFile) {
  const Finished f =
      run_shell(folder_.path(), "$NACRE train --data digits --epochs 2 --out run <&- >&- 2>&-");
  EXPECT_EQ(f.code, 0);
  const std::string lines = contents(folder_ / "run/history.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
  EXPECT_EQ(lines.find("samples/s"), std::string::npos) << lines;
  // An error with no place to tell it is still an exit code.
  EXPECT_EQ(run_shell(folder_.path(), "$NACRE eval nothing >&- 2>&-").code, 1);
  // A result with no place to go is an error.
  EXPECT_EQ(run_shell(folder_.path(), "$NACRE eval run --json >&- 2>&-").code, 1);
}

TEST_F(Run, LostOutputIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  good({"train", "--data", "digits", "--epochs", "2", "--out", "run", "--quiet"});
  for (const char* command :
       {"predict run digits:0 --json", "predict run digits:0", "eval run", "eval run --json",
        "summary run", "models --json", "data list", "data show digits", "doctor", "report run",
        "--help", "train --help", "--version"}) {
    const Finished f = run_shell(folder_.path(), std::string("$NACRE ") + command + " >/dev/full");
    EXPECT_EQ(f.code, 1) << command << ": " << f.output;
    EXPECT_NE(f.output.find("standard output"), std::string::npos) << command << ": " << f.output;
  }
  // Errors that cannot be told end nothing the wrong way.
  EXPECT_EQ(run_shell(folder_.path(), "$NACRE eval nothing 2>/dev/full").code, 1);
  EXPECT_EQ(run_shell(folder_.path(), "$NACRE train --epohcs 3 2>/dev/full").code, 2);
  // Training is for its files: it goes on to the end, and says then what was lost.
  const Finished f =
      run_shell(folder_.path(), "$NACRE train --data digits --epochs 2 --out full >/dev/full");
  EXPECT_EQ(f.code, 1) << f.output;
  EXPECT_TRUE(fs::exists(folder_ / "full/evaluation.json"));
}

TEST_F(Run, NumbersAreNotCut) {
  for (const char* option :
       {"--epochs=4294967298", "--epochs=99999999999999999999", "--epochs=-1",
        "--batch-size=4294967297", "--seed=18446744073709551616", "--seed=-1"}) {
    const std::string key = std::string(option).substr(2, 4);  // "epoc", "batc", "seed"
    bad({"train", "--data", "digits", option}, 2, {key.c_str(), "must be"});
  }
  for (const char* setting :
       {"train.early_stopping=4294967297", "run.threads=4294967297", "data.workers=4294967297",
        "data.limit=9223372036854775808", "data.image_size=4294967297",
        "train.checkpoint_every=18446744073709551615"}) {
    const std::string key(setting, std::strchr(setting, '='));
    bad({"train", "--data", "digits", "--set", setting}, 2, {key.c_str(), "must be"});
  }
  for (const char* threads : {"--threads=-3", "--threads=1025", "--threads=4294967297"}) {
    bad({"train", "--data", "digits", threads}, 2, {"--threads", "0..1024"});
  }
  bad({"eval", "run", "--batch-size", "99999999999999999999"}, 2, {"--batch-size"});
  bad({"eval", "run", "--batch-size", "010x"}, 2, {"--batch-size", "010x"});
  bad({"predict", "run", "x", "--top", "4294967297"}, 2, {"--top"});
  bad({"data", "split", "x", "--out", "y", "--seed", "99999999999999999999"}, 2, {"--seed"});
  bad({"data", "split", ".", "--out", "y", "--test", "nan"}, 2, {"--test"});
  // The largest seed there is works, and is kept.
  good({"train", "--data", "iris", "--epochs", "1", "--seed", "18446744073709551615", "--out",
        "large", "--quiet"});
  EXPECT_EQ(Json::parse(contents(folder_ / "large/config.json"))["train"]["seed"],
            18446744073709551615u);
  good({"train", "--resume", "large", "--epochs", "2", "--quiet"});
}

}  // namespace
}  // namespace nacre::test
