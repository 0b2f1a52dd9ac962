// Models of a language, from a text to a run.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

class LanguageRuns : public CommandTest {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 120; ++i) text += "the cat sat on the mat;\nthe dog lay on the log.\n";
    write_file(folder_ / "t.txt", text);
  }
  std::vector<std::string> training(const std::vector<std::string>& more = {},
                                    const char* epochs = "3") {
    std::vector<std::string> line{
        "train",
        "--data",
        "t.txt",
        "--out",
        "run",
        "--epochs",
        epochs,
        "--quiet",
        "--set",
        "data.task=language",
        "--set",
        "data.text_length=16",
        "--set",
        "train.learning_rate=0.01",
        "--set",
        "model.layers=[{\"type\":\"embedding\",\"inputs\":\"vocabulary\",\"units\":16},{\"type\":"
        "\"lstm\","
        "\"units\":32,\"return_sequences\":true},{\"type\":\"dense\",\"units\":\"outputs\"}]"};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }
};

TEST_F(LanguageRuns, TrainsOnRunningText) {
  const Json result = json(training({"--set", "train.batch_size=8"}, "25"));
  EXPECT_LT(result["metrics"]["perplexity"].get<double>(), 3);
  // Here every character is a byte.
  EXPECT_NEAR(result["metrics"]["bits_per_byte"].get<double>(),
              result["metrics"]["loss"].get<double>() / std::log(2.0), 1e-6);
  EXPECT_EQ(json({"eval", "run"})["metrics"], result["metrics"]);
  bad({"predict", "run", "t.txt"}, 2, {"nacre generate"});
  // What the end of the text holds and its beginning does not is told.
  write_file(folder_ / "u.txt", contents(folder_ / "t.txt") + "quiz!\n");
  const Json other = json({"eval", "run", "--data", "u.txt"});
  EXPECT_GT(other["metrics"]["loss"].get<double>(), 0);
}

TEST_F(LanguageRuns, ResumesWhereItWas) {
  good(training());
  std::filesystem::rename(folder_ / "run", folder_ / "whole");
  good(training({}, "1"));
  good({"train", "--resume", "run", "--epochs", "3", "--quiet"});
  EXPECT_EQ(contents(folder_ / "run/model.safetensors"),
            contents(folder_ / "whole/model.safetensors"));
}

TEST_F(LanguageRuns, LinesAreSamplesOfTheirOwn) {
  const Json result = json(training({"--set", "data.lines=true"}));
  EXPECT_LT(result["metrics"]["loss"].get<double>(), 2);
}

TEST_F(LanguageRuns, WritesOn) {
  good(training());
  const std::string text = good({"generate", "run", "--prompt", "the cat", "--tokens", "40"});
  EXPECT_EQ(text.find("the cat"), 0u) << text;
  EXPECT_GT(text.size(), 40u);
  const Json twice = json({"generate", "run", "--prompt", "the ", "--samples", "2", "--seed", "3"});
  EXPECT_EQ(twice["texts"].size(), 2u);
  EXPECT_NE(twice["texts"][0], twice["texts"][1]);
  EXPECT_EQ(json({"generate", "run", "--prompt", "the ", "--samples", "2", "--seed", "3"}), twice);
  // Greedy text ends where it is told.
  const Json ended = json({"generate", "run", "--prompt", "the cat", "--temperature", "0", "--stop",
                           "t", "--tokens", "60"});
  const std::string one = ended["texts"][0];
  EXPECT_EQ(one.find('t'), one.size() - 1) << one;
  EXPECT_EQ(json({"generate", "run", "--prompt", "Quiz", "--tokens", "1"})["warnings"].size(), 1u);
  bad({"generate", "run", "--temperature", "-1"}, 2, {"temperature"});
  bad({"generate", "run", "--tokens", "0"}, 2, {"--tokens"});
  bad({"generate", "run", "--prompt", "\xff"}, 2, {"UTF-8"});
  good({"train", "--data", "digits", "--out", "digits", "--epochs", "1", "--quiet"});
  bad({"generate", "digits"}, 2, {"no model of a language"});
}

// Byte pairs, a transformer, and a report.
TEST_F(LanguageRuns, TransformersOfBytePairs) {
  const Json result = json({"train",   "--data",
                            "t.txt",   "--out",
                            "gpt",     "--epochs",
                            "2",       "--quiet",
                            "--model", "gpt",
                            "--set",   "data.task=language",
                            "--set",   "data.tokens=bpe",
                            "--set",   "data.vocabulary=280",
                            "--set",   "data.text_length=12",
                            "--set",   "model.blocks=1",
                            "--set",   "model.heads=2",
                            "--set",   "model.width=16",
                            "--set",   "model.dropout=0.1",
                            "--set",   "train.steps_per_epoch=20",
                            "--set",   "train.learning_rate=0.01",
                            "--set",   "data.test=0"});
  EXPECT_GT(result["metrics"]["bits_per_byte"].get<double>(), 0);
  EXPECT_GT(good({"generate", "gpt", "--prompt", "the", "--tokens", "9"}).size(), 6u);
  good({"report", "gpt"});
  EXPECT_NE(contents(folder_ / "gpt/report.html").find("What it writes"), std::string::npos);
  good({"tokenize", "--train", "tokens.json", "t.txt", "--vocabulary", "270"});
  const Json tokens = json({"tokenize", "tokens.json", "--text", "the cat"});
  std::string numbers;
  for (const Json& id : tokens["ids"]) numbers += std::to_string(id.get<int>()) + " ";
  EXPECT_EQ(json({"tokenize", "tokens.json", "--decode", "--text", numbers})["text"], "the cat");
  bad({"tokenize", "tokens.json", "--decode", "--text", "1 x"}, 2, {"\"x\""});
  bad({"tokenize", "--train", "tokens.json", "t.txt"}, 2, {"exists already"});
  bad({"tokenize", "tokens.json"}, 2, {"--text"});
  bad({"tokenize", "t.txt", "--text", "a"}, 1, {"t.txt"});
  write_file(folder_ / "bytes.txt", std::string("a\xff\xfe") + std::string(100000, 'b'));
  json({"tokenize", "tokens.json", "bytes.txt"});
}

// Every recipe of language, shortened.
TEST_F(LanguageRuns, RecipesRun) {
  for (const std::string recipe : {"gpt-character", "language-lstm", "names-gru"}) {
    good({"train", NACRE_SOURCE_DIR "/recipes/" + recipe + ".toml", "--data", "t.txt", "--out",
          recipe, "--epochs", "1", "--quiet", "--set", "train.steps_per_epoch=10", "--set",
          "train.batch_size=4", "--set", "data.text_length=16"});
    EXPECT_GT(good({"generate", recipe, "--tokens", "5"}).size(), 1u) << recipe;
  }
}

TEST_F(LanguageRuns, SaysWhatIsWrong) {
  bad(training({"--set",
                "model.layers=[{\"type\":\"embedding\",\"inputs\":\"vocabulary\",\"units\":8},"
                "{\"type\":\"lstm\",\"units\":8},{\"type\":\"dense\",\"units\":\"outputs\"}]"}),
      2, {"19 tokens to choose from at each step", "return_sequences"});
  bad(training({"--set", "train.loss=mse"}), 2, {"does not fit the next token"});
  bad({"train", "--data", "t.txt", "--out", "none", "--quiet"}, 1, {"a tab", "data.task"});
  write_file(folder_ / "t.txt", "short\n");
  bad(training(), 2, {"6 tokens of text"});
  write_file(folder_ / "t.txt", "");
  bad(training(), 1, {"no text"});
  bad({"train", "--data", "digits", "--set", "data.task=language"}, 2, {"a file of text"});
}

}  // namespace
}  // namespace nacre::test
