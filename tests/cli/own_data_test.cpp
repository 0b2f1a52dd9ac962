// Texts, sounds and pictures of the user's own through the program, and downloads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "nacre/data/image/image.h"
#include "nacre/data/sets/fetch.h"
#include "nacre/data/sound/sound.h"
#include "nacre/io/model_file.h"
#include "nacre/tensor/tensor.h"
#include "tests/cli/command_test.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;

class OwnFiles : public CommandTest {};

TEST_F(OwnFiles, TextsOfLinesAndOfFolders) {
  const char* good[] = {"wonderful", "lovely", "great"};
  const char* poor[] = {"dreadful", "boring", "awful"};
  std::string lines;
  for (int i = 0; i < 120; ++i) {
    const bool like = i % 2 == 0;
    const std::string text = "this is film number " + std::to_string(i % 9) + " and a " +
                             (like ? good : poor)[i % 3] + " story";
    lines += (like ? "plus\t" : "minus\t") + text + "\n";
    const fs::path to = folder_ / "set" / (i < 100 ? "train" : "test") / (like ? "plus" : "minus");
    fs::create_directories(to);
    write_file(to / (std::to_string(i) + ".txt"), text);
  }
  write_file(folder_ / "films.txt", lines);
  for (const char* data : {"films.txt", "set"}) {
    const Json result = json({"train", "--data", data, "--epochs", "12", "--set",
                              "train.learning_rate=0.01", "--out", std::string("run-") + data});
    EXPECT_GT(result["metrics"]["accuracy"].get<double>(), 0.9) << data;
  }
  write_file(folder_ / "new.txt", "a great film\nwhat an awful and boring film\n");
  const Json answers = json({"predict", "run-films.txt", "new.txt"});
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0]["classes"][0]["name"], "plus");
  EXPECT_EQ(answers[1]["classes"][0]["name"], "minus");
  EXPECT_EQ(json({"eval", "run-set"})["samples"], 20);
  EXPECT_EQ(json({"eval", "run-set", "--data", "films.txt"})["samples"], 120);
  EXPECT_EQ(json({"data", "show", "films.txt"})["class_names"], Json({"minus", "plus"}));
  // Only words of the training part are known.
  const Json sample = json({"data", "show", "set"});
  EXPECT_EQ(sample["test"], 20);
  write_file(folder_ / "loose.txt", "no class here\n");
  bad({"train", "--data", "loose.txt"}, 1, {"loose.txt", "a tab"});
  write_file(folder_ / "nothing.txt", "\n");
  bad({"train", "--data", "nothing.txt"}, 1, {"nothing.txt", "empty"});
  bad({"train", "--data", "films.txt", "--model", "mlp"}, 2, {"mlp", "text"});
  fs::create_directories(folder_ / "odd/a");
  write_file(folder_ / "odd/a/x.doc", "?");
  bad({"train", "--data", "odd"}, 1, {"odd", ".wav"});
}

TEST_F(OwnFiles, SoundsByFoldersAndByNames) {
  if (!data::have_sound()) GTEST_SKIP() << "built without sounds";
  // A high and a low tone, of several lengths.
  for (int i = 0; i < 24; ++i) {
    const bool high = i % 2 == 0;
    const std::int64_t n = 3000 + 100 * i;
    std::vector<float> wave;
    for (std::int64_t t = 0; t < n; ++t) {
      const double phase = 6.283185 * (high ? 1500 + 10 * i : 300 + 5 * i) / 8000.0;
      wave.push_back(0.4f * static_cast<float>(std::sin(phase * static_cast<double>(t))));
    }
    const std::string bytes = data::encode_wav(Tensor::from(wave, {1, n}), 8000);
    const char* name = high ? "high" : "low";
    fs::create_directories(folder_ / "set" / name);
    fs::create_directories(folder_ / "flat");
    write_file(folder_ / "set" / name / (std::to_string(i) + ".WAV"), bytes);
    write_file(folder_ / "flat" / (std::string(name) + "_" + std::to_string(i) + ".wav"), bytes);
  }
  for (const char* data : {"set", "flat"}) {
    const Json result =
        json({"train", "--data", data, "--epochs", "4", "--set", "data.sound_seconds=0.5",
              "--batch-size", "4", "--model", "mlp", "--out", std::string("run-") + data});
    EXPECT_EQ(result["metrics"]["accuracy"], 1.0) << data;
    const auto file = fs::path(folder_ / (std::string("run-") + data)) / "model.safetensors";
    EXPECT_EQ(Json::parse(io::load_model_file(file).preprocessing)["rate"], 8000) << data;
  }
  EXPECT_EQ(json({"predict", "run-set", "flat/low_5.wav"})[0]["classes"][0]["name"], "low");
  EXPECT_EQ(json({"eval", "run-set", "--data", "flat"})["samples"], 24);
  const std::string whole = contents(folder_ / "flat/low_5.wav");
  write_file(folder_ / "cut.wav", whole.substr(0, 30));
  bad({"predict", "run-set", "cut.wav"}, 1, {"cut.wav"});
  write_file(folder_ / "set/low/5.WAV", "RIFF and no more");
  bad({"train", "--data", "set", "--epochs", "1", "--set", "data.sound_seconds=0.5"}, 1,
      {"set/low/5.WAV"});
}

TEST_F(OwnFiles, ADamagedPictureIsNamed) {
  if (!data::have_images()) GTEST_SKIP() << "built without pictures";
  for (int i = 0; i < 8; ++i) {
    fs::create_directories(folder_ / "set" / (i % 2 ? "a" : "b"));
    data::write_png(folder_ / "set" / (i % 2 ? "a" : "b") / (std::to_string(i) + ".png"),
                    Tensor::from(std::vector<std::uint8_t>(3 * 144, static_cast<std::uint8_t>(i)),
                                 {3, 12, 12}));
  }
  const std::string whole = contents(folder_ / "set/a/3.png");
  write_file(folder_ / "set/a/3.png", whole.substr(0, whole.size() / 2));
  bad({"train", "--data", "set", "--epochs", "1"}, 1, {"set/a/3.png"});
}

TEST_F(OwnFiles, DownloadsSayWhatIsWrong) {
  if (!data::have_fetch()) GTEST_SKIP() << "built without downloads";
  setenv("NACRE_DATA", (folder_ / "cache").c_str(), 1);
  setenv("NACRE_MIRROR", ("file://" + folder_.path().string()).c_str(), 1);
  fs::create_directories(folder_ / "mnist");
  bad({"data", "fetch", "mnist"}, 1, {"train-images-idx3-ubyte.gz", "could not be downloaded"});
  write_file(folder_ / "mnist/train-images-idx3-ubyte.gz", std::string(9912422, 'x'));
  bad({"data", "fetch", "mnist"}, 1, {"SHA-256", "440fcabf73cc546fa21475e81ea370265605f56b"});
  EXPECT_FALSE(fs::exists(folder_ / "cache/mnist/train-images-idx3-ubyte.gz"));
  // Nobody listens there: the message says that it is the network.
  setenv("NACRE_MIRROR", "http://127.0.0.1:9", 1);
  bad({"data", "fetch", "mnist"}, 1, {"is there a network?", "http://127.0.0.1:9"});
  bad({"train", "--data", "mnist"}, 1, {"nacre data fetch mnist"});
  bad({"data", "fetch", "iris"}, 0, {"inside the program"});
  bad({"data", "fetch", "mnits"}, 2, {"mnits", "\"mnist\""});
  unsetenv("NACRE_MIRROR");
  unsetenv("NACRE_DATA");
}

}  // namespace
}  // namespace nacre::test
