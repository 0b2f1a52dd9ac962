// The program among files and names that mean it no good, as a user meets them.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "nacre/base/utf8.h"
#include "nacre/io/model_file.h"
#include "nacre/ops/api.h"
#include "tests/cli/program.h"
#include "tests/support/files.h"

namespace nacre::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

class Hostile : public ::testing::Test {
 protected:
  Finished run(const Words& words) { return run_program(folder_.path(), words); }
  void good(const Words& words) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, 0) << f.output;
  }
  // Fails with the code; no line of a library, nothing that commands a terminal; and as JSON, too.
  void bad(Words words, int code, std::initializer_list<const char*> parts) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, code) << f.output;
    EXPECT_TRUE(f.output.starts_with("nacre: ")) << f.output;
    EXPECT_EQ(f.output, printable_lines(f.output));
    for (const char* part : parts) {
      EXPECT_NE(f.output.find(part), std::string::npos) << part << " is missing in: " << f.output;
    }
    for (const char* raw : {"exception", "toml::", "std::", "filesystem error", "basic_string"}) {
      EXPECT_EQ(f.output.find(raw), std::string::npos) << f.output;
    }
    words.push_back("--json");
    const Finished again = run(words);
    EXPECT_EQ(again.code, code) << again.output;
    const Json json = Json::parse(again.output, nullptr, false);
    // `predict` tells of each file.
    if (json.is_array() && !json.empty()) {
      EXPECT_TRUE(json.back().contains("error")) << again.output;
      return;
    }
    ASSERT_TRUE(json.is_object()) << again.output;
    EXPECT_EQ(json.value("exit_code", -1), code) << again.output;
    EXPECT_TRUE(json.contains("error")) << again.output;
  }
  void write(const std::string& name, const std::string& text) { write_file(folder_ / name, text); }
  void train(const std::string& out) {
    good({"train", "--data", "digits", "--model", "linear", "--epochs", "1", "--out", out,
          "--quiet"});
  }
  TemporaryFolder folder_;
};

TEST_F(Hostile, ExitCodesAreThoseOfTheHelp) {
  write("not.toml", "[train\nepochs = 3");
  bad({"train", "not.toml"}, 2, {"not.toml: line 1", "not valid TOML"});
  write("deep.toml", "[model]\nlayers = " + std::string(40000, '[') + std::string(40000, ']'));
  bad({"train", "deep.toml"}, 2, {"deep.toml: line 2", "nested deeper"});
  write(
      "dots.toml", "a" + [] {
        std::string s;
        for (int i = 0; i < 20000; ++i) s += ".a";
        return s;
      }() + " = 1");
  bad({"train", "dots.toml"}, 2, {"dots.toml: line 1"});
  write("latin.toml", "[data]\nname = \"caf\xe9\"");
  bad({"train", "latin.toml"}, 2, {"latin.toml: line 2", "UTF-8", "\\xe9"});
  bad({"train", "missing.toml"}, 1, {"missing.toml"});
  fs::create_directories(folder_ / "folder");
  bad({"train", "folder"}, 1, {"folder", "a file is expected"});
  bad({"train", "--data", "digits", "--set",
       R"(model.layers=[{"type":"conv3d","filters":3},{"type":"dense","units":10}])"},
      2, {"conv3d"});
  bad({"train", "--data", "digits", "--set", R"(model.layers=[{"type":"rescaling","scale":"x"}])"},
      2, {"layer 1 (rescaling)", "\"scale\""});
  bad({"train", "--data", "digits", "--set", "model.layers=" + std::string(60000, '[')}, 2,
      {"deeper"});
  bad({"train", "--data", "digits", "--set", "train.epochs=4294967298"}, 2, {"train.epochs"});
  bad({"train", "--data", "digits", "--threads", "-3"}, 2, {"--threads"});
  bad({"train", "--data", "digits", "--threads", "99999999999"}, 2, {"--threads"});
  bad({"eval", "missing", "--batch-size", "-1"}, 2, {"--batch-size"});
  bad({"predict", "missing", "x", "--top", "0"}, 2, {"--top"});
  bad({"data", "split", "folder", "--out", "o", "--test", "nan"}, 2, {"--test"});
  bad({"train", "--data", "digits", "--epochs"}, 2, {"--epochs"});
  bad({"trian"}, 2, {"trian", "\"train\""});
  bad({}, 2, {"subcommand"});
  bad({"predict", "missing", "digits:0"}, 1, {"missing"});
  bad({"summary", "not.toml"}, 1, {"not.toml", "safetensors"});
  write("plain", "");
  bad({"train", "--data", "digits", "--epochs", "1", "--out", "plain/run"}, 1, {"plain"});
  bad({"train", "--data", "digits", "--epochs", "1", "--quiet", "--set",
       "train.learning_rate=1e30"},
      1, {"the loss is "});
}

TEST_F(Hostile, OneBadFileDoesNotTakeTheOthersAnswers) {
  train("r");
  write("bad.png", "no picture");
  const Finished f = run({"predict", "r", "digits:0", "bad.png", "digits:1", "missing.png"});
  EXPECT_EQ(f.code, 1) << f.output;
  for (const char* part : {"digits:0  (truth", "digits:1  (truth", "bad.png: ", "missing.png: "}) {
    EXPECT_NE(f.output.find(part), std::string::npos) << f.output;
  }
  const Finished as_json = run({"predict", "r", "digits:0", "bad.png", "digits:1", "--json"});
  EXPECT_EQ(as_json.code, 1);
  const Json json = Json::parse(as_json.output, nullptr, false);
  ASSERT_TRUE(json.is_array() && json.size() == 3) << as_json.output;
  EXPECT_TRUE(json[0].contains("classes"));
  EXPECT_EQ(json[1]["file"], "bad.png");
  EXPECT_TRUE(json[1].contains("error"));
  EXPECT_TRUE(json[2].contains("classes"));
  EXPECT_EQ(run({"predict", "r", "digits:99999"}).code, 2);
}

TEST_F(Hostile, ReportsOnlyWhatIsInOrder) {
  train("r");
  const std::string evaluation = contents(folder_ / "r/evaluation.json");
  const auto with = [&](const char* pointer, const Json& value) {
    Json json = Json::parse(evaluation);
    json[Json::json_pointer(pointer)] = value;
    write("r/evaluation.json", json.dump());
  };
  with("/mistakes/0/png", "\"><script>alert(1)</script>");
  bad({"report", "r"}, 1, {"r/evaluation.json", "mistakes[0].png", "hint"});
  with("/confusion/3", {1, 2});
  bad({"report", "r"}, 1, {"r/evaluation.json", "confusion[3]", "a list of 10"});
  with("/metrics", nullptr);
  bad({"report", "r"}, 1, {"r/evaluation.json", "\"metrics\""});
  write("r/evaluation.json", std::string(200'000, '['));
  bad({"report", "r"}, 1, {"r/evaluation.json", "deeper"});
  write("r/evaluation.json", evaluation);
  good({"report", "r"});
  for (const char* name : {"config.json", "environment.json", "history.jsonl"}) {
    const std::string whole = contents(folder_ / "r" / name);
    write("r/" + std::string(name), "{\"a\":[1,]}\n" + whole);
    bad({"report", "r"}, 1, {name, "line 1"});
    write("r/" + std::string(name), whole);
  }
  write("r/environment.json", "{\"precision\":[3]}");
  bad({"train", "--resume", "r", "--epochs", "2"}, 1, {"r/environment.json", "\"precision\""});
  write("r/environment.json", "[]");
  bad({"train", "--resume", "r", "--epochs", "2"}, 1, {"r/environment.json", "an object"});
  write("r/config.json", std::string(100'000, '['));
  bad({"train", "--resume", "r", "--epochs", "2"}, 1, {"r/config.json", "deeper"});
  write("r/setup.json", std::string(100'000, '['));
  bad({"eval", "r"}, 1, {"r/setup.json", "deeper"});
}

// With its checks off a run may end with numbers that are not finite: it can be told about.
TEST_F(Hostile, TellsOfARunThatDiverged) {
  good({"train", "--data", "digits", "--model", "mlp", "--epochs", "2", "--out", "r", "--quiet",
        "--set", "train.learning_rate=1e30", "--set", "train.check_finite=false", "--set",
        "train.optimizer=sgd"});
  good({"report", "r"});
  EXPECT_NE(contents(folder_ / "r/report.html").find("not finite"), std::string::npos);
  const Finished f = run({"predict", "r", "digits:0"});
  EXPECT_EQ(f.code, 0);
  EXPECT_NE(f.output.find("warning"), std::string::npos) << f.output;
  EXPECT_NE(f.output.find("NaN or infinity"), std::string::npos) << f.output;
  EXPECT_TRUE(
      Json::parse(run({"predict", "r", "digits:0", "--json"}).output)[0].contains("warnings"));
  EXPECT_TRUE(Json::parse(run({"eval", "r", "--json"}).output).contains("warnings"));
}

TEST_F(Hostile, ADamagedModelFileIsNoticed) {
  train("r");
  const std::string whole = contents(folder_ / "r/best.safetensors");
  std::string damaged = whole;
  damaged[whole.size() - 1001] = static_cast<char>(damaged[whole.size() - 1001] ^ 0x40);
  write("m.safetensors", damaged);
  bad({"eval", "m.safetensors", "--data", "digits"}, 1, {"m.safetensors", "checksum", "damaged"});
  bad({"summary", "m.safetensors"}, 1, {"m.safetensors", "checksum"});
}

// Names of folders are names of classes: escape codes and bytes that are not UTF-8 come through.
TEST_F(Hostile, NamesOfFilesCommandNobody) {
  const std::string evil = "red\x1b[31m\u009b1m\n", latin = "caf\xe9";
  for (const std::string& name : {evil, latin}) {
    fs::create_directories(folder_ / "set" / name);
    for (int i = 0; i < 12; ++i) {
      write("set/" + name + "/" + std::to_string(i) + ".txt",
            name == latin ? "cold black water\n" : "warm white milk\n");
    }
  }
  const Finished trained = run({"train", "--data", "set", "--epochs", "2", "--out", "r"});
  EXPECT_EQ(trained.code, 0) << trained.output;
  write("warm.txt", "warm white milk\n");
  const Words commands[] = {
      {"predict", "r", "warm.txt"},      {"eval", "r", "--data", "set"},
      {"data", "show", "set"},           {"predict", "r", "warm.txt", "--json"},
      {"data", "show", "set", "--json"}, {"report", "r"}};
  for (const Words& words : commands) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, 0) << f.output;
    EXPECT_EQ(f.output, printable_lines(f.output)) << words[0];
  }
  const Json shown = Json::parse(run({"data", "show", "set", "--json"}).output);
  EXPECT_EQ(shown["class_names"], Json({"caf\\xe9", evil}));  // all of it, in the form of JSON
  EXPECT_NE(run({"data", "show", "set"}).output.find("caf\\xe9, red\\x1b[31m\\u009b1m\\n"),
            std::string::npos);
  const std::string page = contents(folder_ / "r/report.html");
  EXPECT_EQ(page, printable_lines(page));
  // Errors quote what came.
  bad({"predict", "r", "x\x1b]0;title\x07"}, 1, {"x\\x1b]0;title\\x07"});
  bad({"eval", "\x1b[2J"}, 1, {"\\x1b[2J"});
  bad({"\x1b[2J"}, 2, {"\\x1b[2J"});
  bad({"train", "--data", "digits", "--set", "\x1b[2J=3"}, 2, {"\\x1b[2J"});
  write("evil.toml", "[train]\n\"\\u001b[2J\" = 3");
  bad({"train", "evil.toml"}, 2, {"\\x1b[2J"});
  // Paths stand in config.json, which has to be UTF-8: refused before the training.
  fs::create_directories(folder_ / (latin + "/a"));
  bad({"train", "--data", latin}, 2, {"data.path", "caf\\xe9", "UTF-8", "rename"});
  bad({"train", "--data", "digits", "--out", latin}, 2, {"run.directory", "caf\\xe9"});
}

TEST_F(Hostile, AModelsNamesCommandNobody) {
  io::ModelFile file{.weights = {{"d\x1b[2J.weight", ones({2, 64})}, {"d\x1b[2J.bias", zeros({2})}},
                     .architecture = R"({"layers":[{"type":"flatten"},{"type":"dense","units":2,)"
                                     R"("name":"d\u001b[2J"}],"input":[1,8,8]})",
                     .class_names = {"\x1b[31mone", "\u202etwo"}};
  io::save_model_file(folder_ / "m.safetensors", file);
  for (const Words& words :
       {Words{"summary", "m.safetensors"}, Words{"predict", "m.safetensors", "digits:0"},
        Words{"predict", "m.safetensors", "digits:0", "--json"},
        Words{"summary", "m.safetensors", "--json"}}) {
    const Finished f = run(words);
    EXPECT_EQ(f.code, 0) << f.output;
    EXPECT_EQ(f.output, printable_lines(f.output));
  }
  EXPECT_NE(run({"predict", "m.safetensors", "digits:0"}).output.find("\\x1b[31mone"),
            std::string::npos);
}

}  // namespace
}  // namespace nacre::test
