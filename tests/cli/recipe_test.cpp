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
  expect_error<IoError>(read("[train\nepochs = 3"), {"r.toml", "not valid TOML"});
  expect_error<IoError>(read("'key\xff' = 3"), {"r.toml", "not UTF-8"});  // found by recipe_fuzz
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
  const Recipe back = recipe_from_json(to_json(r));
  EXPECT_EQ(to_json(back), to_json(r));
  EXPECT_EQ(back.data.path, r.data.path);
  EXPECT_EQ(back.train.seed, r.train.seed);
  expect_error<IoError>([] { recipe_from_json("[1"); }, {"not a JSON object"});
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
  for (const auto& [type, make] : zoo::layer_makers()) {
    EXPECT_NE(page.find("`" + type + "`"), std::string::npos) << type;
  }
  const std::size_t begin = page.find("```toml\n") + 8;
  const Recipe recipe =
      recipe_from_toml(page.substr(begin, page.find("```", begin) - begin), "recipes.md");
  EXPECT_EQ(zoo::build(recipe.model.layers).size(), 3u);
}

}  // namespace
}  // namespace nacre::cli
