#include "cli/recipe.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/zoo/architecture.h"
#include "nacre/zoo/layer_spec.h"
#include "tests/support/files.h"

namespace nacre::cli {
namespace {

using test::expect_error;

TEST(Recipe, ReadsToml) {
  const Recipe r = recipe_from_toml(R"(
    [data]
    name = "digits"
    augment = ["flip", "crop"]
    [model]
    layers = [{ type = "dense", units = 10 }]
    [train]
    epochs = 7
    learning_rate = 1
    [run]
    tensorboard = true)",
                                    "r.toml");
  EXPECT_EQ(r.data.name, "digits");
  EXPECT_EQ(r.data.augment, (std::vector<std::string>{"flip", "crop"}));
  EXPECT_EQ(r.model.layers, R"([{"type":"dense","units":10}])");
  EXPECT_EQ(r.train.epochs, 7);
  EXPECT_EQ(r.train.learning_rate, 1.0);
  EXPECT_TRUE(r.run.tensorboard);
}

TEST(Recipe, ReadsThoseThatComeWithNacre) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(NACRE_SOURCE_DIR "/recipes")) {
    EXPECT_NO_THROW(read_recipe(entry.path().string())) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 5);
}

TEST(Recipe, NamesWhatItDoesNotKnow) {
  const auto read = [](const char* text) { return [=] { recipe_from_toml(text, "r.toml"); }; };
  expect_error<ValueError>(read("[train]\nepoch = 3"), {"r.toml", "train.epoch", "train.epochs"});
  expect_error<ValueError>(read("[trian]\nepochs = 3"), {"trian.epochs", "train.epochs"});
  expect_error<ValueError>(read("[trian]"), {"trian", "\"train\""});
  expect_error<ValueError>(read("epochs = 3"), {"epochs", "outside a section"});
  expect_error<ValueError>(read("[train]\nepochs = \"3\""), {"train.epochs", "a whole number"});
  expect_error<ValueError>(read("[train]\nepochs = 1.5"), {"train.epochs", "a whole number"});
  expect_error<ValueError>(read("[data]\nname = 3"), {"data.name", "a text"});
  expect_error<ValueError>(read("[data]\naugment = [1]"), {"data.augment", "a list of texts"});
  expect_error<ValueError>(read("[run]\ntensorboard = 1"), {"run.tensorboard", "true or false"});
  expect_error<ValueError>(read("[train]\nseed = -1"), {"train.seed", "0 or more"});
  expect_error<ValueError>(read("[run]\nthreads = 99999999999"), {"run.threads"});
  expect_error<ValueError>(read("[train\nepochs = 3"),
                           {"r.toml: line 1: not valid TOML", "[train"});
  expect_error<ValueError>(read("'key\xff' = 3"), {"r.toml: line 1", "not UTF-8", "\\xff"});
  expect_error<IoError>([] { read_recipe("/nowhere/r.toml"); }, {"/nowhere/r.toml"});
}

TEST(Recipe, RefusesWhatIsOutOfRange) {
  const auto set = [](const char* assignment) {
    return [=] {
      Recipe r;
      set_key(r, assignment);
      validate(r);
    };
  };
  for (const char* bad :
       {"train.epochs=-1", "train.batch_size=0", "data.validation=1", "data.test=-0.1",
        "train.learning_rate=-1", "train.clip_norm=-1", "train.label_smoothing=1", "data.limit=-1",
        "data.image_size=5000", "train.precision=f17", "data.task=clustering"}) {
    expect_error<ValueError>(set(bad), {std::string(bad, std::strchr(bad, '=')).c_str()});
  }
  Recipe both;
  both.data.name = "digits";
  both.data.path = "x.csv";
  EXPECT_THROW(validate(both), ValueError);
  Recipe networks;
  networks.model.name = "mlp";
  networks.model.layers = "[]";
  EXPECT_THROW(validate(networks), ValueError);
}

TEST(Recipe, SetsKeys) {
  Recipe r;
  set_key(r, "train.epochs=3");
  set_key(r, "train.learning_rate=0.5");
  set_key(r, "data.augment=flip,crop");
  set_key(r, "run.tensorboard=true");
  set_key(r, "data.name=a=b");
  EXPECT_EQ(r.train.epochs, 3);
  EXPECT_EQ(r.train.learning_rate, 0.5);
  EXPECT_EQ(r.data.augment, (std::vector<std::string>{"flip", "crop"}));
  EXPECT_TRUE(r.run.tensorboard);
  EXPECT_EQ(r.data.name, "a=b");
  expect_error<ValueError>([&] { set_key(r, "train.epochs"); }, {"key=value"});
  expect_error<ValueError>([&] { set_key(r, "train.epochs=many"); },
                           {"train.epochs", "a whole number"});
  expect_error<ValueError>([&] { set_key(r, "train.epohcs=2"); }, {"train.epochs"});
}

TEST(Recipe, SurvivesJson) {
  Recipe r;
  r.data.path = "house \"prices\".csv";
  r.data.target = "price";
  r.data.augment = {"flip"};
  r.data.limit = 9;
  r.model.layers = R"([{"type":"dense","units":1}])";
  r.train.metrics = {"mae", "r2"};
  r.train.learning_rate = 0.1;
  r.train.seed = 1234567890123;
  r.run.threads = 2;
  r.run.tensorboard = true;
  const Recipe back = recipe_from_json(to_json(r), "config.json");
  EXPECT_EQ(to_json(back), to_json(r));
  EXPECT_EQ(back.data.path, r.data.path);
  EXPECT_EQ(back.train.seed, r.train.seed);
  const auto read = [](const char* text) {
    return [=] { recipe_from_json(text, "r/config.json"); };
  };
  expect_error<IoError>(read("[1"), {"r/config.json", "not JSON", "line 1"});
  expect_error<IoError>(read("[1]"), {"r/config.json", "object"});
  expect_error<IoError>(read(R"({"train":{"epochs":1,"epochs":2}})"), {"\"epochs\"", "twice"});
  expect_error<IoError>(read(R"({"train":{"epochs":-1}})"), {"r/config.json", "train.epochs"});
  expect_error<IoError>(read(R"({"train":{"epoch":1}})"), {"train.epoch", "train.epochs"});
}

TEST(Recipe, BoundsDepthBeforeTheParserRecurses) {
  const auto expect_deep = [](const std::string& text, const char* part) {
    expect_error<ValueError>([&] { recipe_from_toml(text, "r.toml"); }, {"r.toml: line ", part});
  };
  const std::string open(40000, '['), close(40000, ']');
  expect_deep("[model]\nlayers = " + open + close, "nested deeper than 64");
  expect_deep("x = " + std::string(40000, '{'), "nested deeper than 64");
  std::string tables;
  for (int i = 0; i < 20000; ++i) tables += "{a = ";
  expect_deep("x = " + tables, "nested deeper than 64");
  std::string dotted = "a";
  for (int i = 0; i < 20000; ++i) dotted += i % 2 ? ".a" : " . a";
  expect_deep(dotted + " = 1", "more than 16 parts");
  expect_deep("[" + dotted + "]", "more than 16 parts");
  expect_deep("# " + open + "\n'" + open + "' = \"" + open + "\\\"" + open + "\"\n\"\"\"" + open +
                  "\n\"\"\" =  + open + \n[[\n",
              "not valid TOML");  // brackets in texts and comments do not count
  const std::string deep = R"({"model":{"layers":)" + open + close + "}}";
  expect_error<IoError>([&] { recipe_from_json(deep, "c"); }, {"c: ", "nested deeper"});
  Recipe r;
  expect_error<ValueError>([&] { set_key(r, "train.epochs=" + open); }, {"train.epochs"});
  expect_error<ValueError>([&] { recipe_from_toml(std::string(2 << 20, ' '), "r.toml"); },
                           {"no recipe", "1048576"});
}

// The parser would take minutes for a long list on one line; on lines of its own each value is
// quick.
TEST(Recipe, BoundsTheTimeOfTheParser) {
  std::string one_line = "[data]\nleave_out = [", lines = one_line;
  for (int i = 0; i < 100'000; ++i) {
    one_line += "'c',";
    lines += "'c',\n";
  }
  expect_error<ValueError>([&] { recipe_from_toml(one_line + "]\n", "r.toml"); },
                           {"r.toml: line 2", "a line of its own"});
  EXPECT_EQ(recipe_from_toml(lines + "]\n", "r.toml").data.leave_out.size(), 100'000u);
}

TEST(Recipe, TakesNoNumberForAnother) {
  const auto read = [](const std::string& text) {
    return [=] { recipe_from_toml(text, "r.toml"); };
  };
  // The parser would clamp these.
  expect_error<ValueError>(read("[train]\nepochs = 9223372036854775808"),
                           {"r.toml: line 2", "9223372036854775808", "out of range"});
  expect_error<ValueError>(read("[train]\nepochs = 0xfffffffffffffffff"), {"line 2", "range"});
  expect_error<ValueError>(read("[train]\nlearning_rate = 1e999"), {"line 2", "1e999"});
  expect_error<ValueError>(read("[train]\nlearning_rate = inf"), {"learning_rate", "finite"});
  expect_error<ValueError>(read("[train]\nepochs = 4294967298"), {"train.epochs", "4294967298"});
  expect_error<ValueError>(read("[train]\nepochs = 1e30"), {"train.epochs", "whole number"});
  EXPECT_EQ(recipe_from_toml("[train]\nepochs = 0x10\nseed = 1_000", "r.toml").train.epochs, 16);
  const auto json = [](const std::string& train) {
    return [=] { recipe_from_json("{\"train\":{" + train + "}}", "c"); };
  };
  expect_error<IoError>(json("\"epochs\":9223372036854775808"), {"c: ", "train.epochs"});
  expect_error<IoError>(json("\"early_stopping\":4294967297"), {"c: ", "train.early_stopping"});
  // All seeds survive.
  Recipe r;
  set_key(r, "train.seed=18446744073709551615");
  EXPECT_EQ(recipe_from_json(to_json(r), "c").train.seed, ~std::uint64_t{0});
}

TEST(Recipe, WhatIsWrittenCanBeRead) {
  Recipe r;
  r.data.path = "caf\xe9";
  expect_error<ValueError>([&] { validate(r); }, {"data.path", "caf\\xe9", "rename"});
  expect_error<ValueError>([&] { to_json(r); }, {"data.path", "UTF-8"});
}

// docs/recipes.md names every key and every layer, and its recipe is one.
TEST(Recipe, ThePageIsComplete) {
  std::ifstream file(NACRE_SOURCE_DIR "/docs/recipes.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const auto config = nlohmann::json::parse(to_json(Recipe{}));
  for (const auto& [section, keys] : config.items()) {
    for (const auto& [key, value] : keys.items()) {
      EXPECT_NE(page.find("| `" + section + "." + key + "` |"), std::string::npos) << key;
    }
  }
  for (const zoo::LayerRow& row : zoo::layer_rows()) {
    EXPECT_NE(page.find("`" + row.type + "`"), std::string::npos) << row.type;
  }
  const std::size_t begin = page.find("```toml\n") + 8;
  const Recipe recipe =
      recipe_from_toml(page.substr(begin, page.find("```", begin) - begin), "recipes.md");
  EXPECT_EQ(zoo::build(recipe.model.layers).size(), 3u);
}

}  // namespace
}  // namespace nacre::cli
