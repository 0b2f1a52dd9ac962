// From a recipe to data: what is learned from which rows.
#include "cli/setup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/recipe_model.h"
#include "cli/run_setup.h"
#include "nacre/base/error.h"
#include "tests/cli/program.h"
#include "tests/support/files.h"

namespace nacre::cli {
namespace {

using nlohmann::json;

class Tables : public ::testing::Test {
 protected:
  // Every row has a name of its own; numbers grow quickly, so that each row moves the mean.
  void SetUp() override {
    std::string rows = "size,name,price\n";
    for (int i = 0; i < 50; ++i) {
      rows += std::to_string(i * i) + ",n" + std::to_string(i) + "," +
              (i == 7 ? std::string() : std::to_string(1000 + 2.5 * i)) + "\n";
    }
    test::write_file(folder_ / "t.csv", rows);
    recipe_.path = (folder_ / "t.csv").string();
  }
  test::TemporaryFolder folder_;
  DataRecipe recipe_;
};

TEST_F(Tables, LearnFromTrainingRowsOnly) {
  const auto setup = open_data(recipe_, 3);
  EXPECT_EQ(setup.train.size() + setup.validation.size() + setup.test.size(), 49);
  EXPECT_EQ(setup.task, zoo::Task::regression);
  const auto moments_of = [](const data::Dataset& set) {
    double mean = 0;
    double squares = 0;
    const data::Batch all = set.all();
    const std::vector<float> x = all.inputs[0].to_vector<float>();
    const std::size_t width = x.size() / static_cast<std::size_t>(set.size());
    for (std::size_t i = 0; i < x.size(); i += width) {
      mean += x[i] / static_cast<double>(set.size());
      squares += x[i] * x[i] / static_cast<double>(set.size());
    }
    return std::pair(mean, std::sqrt(squares - mean * mean));
  };
  EXPECT_NEAR(moments_of(setup.train).first, 0, 1e-5);
  EXPECT_NEAR(moments_of(setup.train).second, 1, 1e-5);
  EXPECT_GT(std::abs(moments_of(setup.test).first) + std::abs(moments_of(setup.validation).first),
            1e-3);
  // One column of numbers, one one-hot column for each name that training has seen.
  EXPECT_EQ(setup.input.shape[0], 1 + setup.train.size());
  const json form = json::parse(setup.info.preprocessing);
  EXPECT_EQ(form["inputs"][1]["categories"].size(), static_cast<std::size_t>(setup.train.size()));
  // An unknown name is no name.
  const std::vector<float> row = setup.test.get(0).inputs[0].to_vector<float>();
  for (std::size_t k = 1; k < row.size(); ++k) EXPECT_EQ(row[k], 0);
}

TEST_F(Tables, TargetsKeepTheirUnitAndTheirMomentsAreOfTheTrainingRows) {
  const auto setup = open_data(recipe_, 3);
  double mean = 0;
  for (const double v : setup.train.all().targets[0].to_vector<double>()) {
    EXPECT_GE(v, 1000);
    mean += v / static_cast<double>(setup.train.size());
  }
  EXPECT_NEAR(setup.target_mean, mean, 1e-9);
  const json layers = json::parse(layers_for({.name = "linear", .layers = {}}, setup));
  EXPECT_EQ(layers.back()["type"], "rescaling");
  EXPECT_EQ(layers.back()["offset"], setup.target_mean);
  EXPECT_EQ(layers.back()["scale"], setup.target_deviation);
  recipe_.standardize_targets = false;
  EXPECT_EQ(json::parse(layers_for({.name = "linear", .layers = {}}, open_data(recipe_, 3)))
                .back()["type"],
            "dense");
}

TEST_F(Tables, ColumnsCanBeLeftOut) {
  recipe_.leave_out = {"name"};
  EXPECT_EQ(open_data(recipe_, 0).input.shape, (Shape{1}));
  recipe_.leave_out = {"nam"};
  EXPECT_THROW(open_data(recipe_, 0), ValueError);
}

TEST_F(Tables, EmptyTargetsAndPartsAreNamed) {
  test::write_file(folder_ / "e.csv", "a,b\n1,\n2,\n3,\n");
  recipe_.path = (folder_ / "e.csv").string();
  EXPECT_THROW(open_data(recipe_, 0), IoError);
  test::write_file(folder_ / "one.csv", "a,b\n1,2.5\n");
  recipe_.path = (folder_ / "one.csv").string();
  recipe_.test = 0.9;
  EXPECT_THROW(open_data(recipe_, 0), IoError);
}

void expect_same(const data::Dataset& a, const data::Dataset& b) {
  ASSERT_EQ(a.size(), b.size());
  if (a.empty()) return;
  const data::Batch left = a.all(), right = b.all();
  EXPECT_EQ(left.inputs[0].to_vector<double>(), right.inputs[0].to_vector<double>());
  EXPECT_EQ(left.targets[0].to_vector<double>(), right.targets[0].to_vector<double>());
}

// What a run keeps brings back the same samples, bit for bit, without dividing or learning.
class Setups : public ::testing::Test {
 protected:
  void come_back(const DataRecipe& data) {
    const auto before = open_data(data, 7);
    Recipe recipe;
    recipe.data = data;
    recipe.train.seed = 7;
    const std::string layers = layers_for(recipe.model, before);
    test::write_file(folder_ / "setup.json",
                     to_json(make_run_setup(recipe, before, layers, folder_.path())));
    RunSetup kept = read_run_setup(folder_.path());
    EXPECT_EQ(kept.layers, layers);
    kept.recipe.data.test = 0.7;  // asked no more
    kept.recipe.train.seed = 8;
    const auto after = open_run_data(kept, folder_.path());
    expect_same(after.train, before.train);
    expect_same(after.validation, before.validation);
    expect_same(after.test, before.test);
    EXPECT_EQ(after.info.preprocessing, before.info.preprocessing);
    EXPECT_EQ(after.info.class_names, before.info.class_names);
    EXPECT_EQ(after.vocabulary, before.vocabulary);
    EXPECT_EQ(after.target_mean, before.target_mean);
    EXPECT_EQ(after.target_deviation, before.target_deviation);
    EXPECT_GT(after.test.size(), 0);
  }
  test::TemporaryFolder folder_;
};

TEST_F(Setups, OfTablesComeBack) {
  std::string rows = "size,name,price\n";
  for (int i = 0; i < 50; ++i) {
    rows += std::to_string(i * 0.1) + ",n" + std::to_string(i % 7) + "," +
            (i == 7 ? std::string() : std::to_string(2.5 * i / 3)) + "\n";
  }
  test::write_file(folder_ / "t.csv", rows);
  DataRecipe data;
  data.path = (folder_ / "t.csv").string();
  come_back(data);
  data.limit = 20;
  come_back(data);
  data.target = "name";
  come_back(data);
}

TEST_F(Setups, OfTextsComeBack) {
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    lines += (i % 2 ? "good\tgreat w" : "bad\tpoor w") + std::to_string(i % 9) + "\n";
  }
  test::write_file(folder_ / "t.txt", lines);
  DataRecipe data;
  data.path = (folder_ / "t.txt").string();
  come_back(data);
}

TEST_F(Setups, OfNamedSetsComeBack) {
  DataRecipe data;
  data.name = "iris";
  come_back(data);
}

TEST_F(Setups, ThatAreDamagedAreRefused) {
  test::expect_error<IoError>([&] { read_run_setup(folder_.path()); }, {"setup.json", "missing"});
  DataRecipe data;
  data.name = "iris";
  come_back(data);
  const std::string whole = test::contents(folder_ / "setup.json");
  const auto with = [&](const char* key, const json& value) {
    json changed = json::parse(whole);
    changed.erase("digest");  // what is wrong is to be named, not only that something is
    changed[key] = value;
    test::write_file(folder_ / "setup.json", changed.dump());
    return [&] { read_run_setup(folder_.path()); };
  };
  test::expect_error<IoError>(with("format", 2), {"setup.json", "another version"});
  test::expect_error<IoError>(with("train", "all"), {"setup.json", "damaged"});
  test::expect_error<IoError>(with("test", json::parse("[-1]")), {"setup.json", "damaged"});
  test::expect_error<IoError>(with("test", json::parse("[[5,3]]")), {"setup.json", "damaged"});
  test::expect_error<IoError>(with("test", json::parse("[[0,549755813888]]")),
                              {"setup.json", "damaged"});
  test::expect_error<IoError>(with("class_names", 3), {"setup.json", "damaged"});
  test::write_file(folder_ / "setup.json", whole.substr(0, whole.size() / 2));
  test::expect_error<IoError>([&] { read_run_setup(folder_.path()); }, {"setup.json"});
  // A digit that is another one, or a letter: valid, and wrong.
  for (const char* place : {"\"test\":[", "\"train\":[", "\"fingerprint\":\"", "\\\"units\\\":"}) {
    std::string changed = whole;
    const auto at = changed.find_first_of("123456789", changed.find(place));
    ASSERT_NE(at, std::string::npos) << place;
    changed[at] = changed[at] == '9' ? '8' : static_cast<char>(changed[at] + 1);
    test::write_file(folder_ / "setup.json", changed);
    test::expect_error<IoError>([&] { read_run_setup(folder_.path()); }, {"setup.json", "damaged"});
  }
  // Samples that the data does not have.
  with("test", json::parse("[[1000,100000]]"));
  test::expect_error<IoError>(
      [&] { open_run_data(read_run_setup(folder_.path()), folder_.path()); },
      {"iris", "sample 100000", "150"});
  // However many they are: a few bytes must not take all memory.
  with("test", json::parse("[[1000,9007199254740992]]"));
  test::expect_error<IoError>(
      [&] { open_run_data(read_run_setup(folder_.path()), folder_.path()); }, {"iris"});
  // What a model was trained on is no test, and no sample counts twice.
  const json train = json::parse(whole)["train"];
  test::expect_error<IoError>(with("test", train), {"setup.json", "in two of", "damaged"});
  test::expect_error<IoError>(with("train", json::parse("[[0,9],[5,12]]")),
                              {"setup.json", "train[1]", "rise", "damaged"});
  test::expect_error<IoError>(with("target_deviation", 0), {"target_deviation", "damaged"});
}

// What only the rows for validation and testing have is told, with the row of the file.
TEST_F(Setups, TellWhatTrainingDoesNotTeach) {
  std::string rows = "size,colour,kind\n";
  for (int i = 0; i < 60; ++i) {
    rows += std::to_string(i) + (i % 2 ? ",red," : ",blue,") + (i % 3 ? "a\n" : "b\n");
  }
  DataRecipe data;
  data.path = (folder_ / "t.csv").string();
  test::write_file(folder_ / "t.csv", rows);
  EXPECT_TRUE(open_data(data, 7).unseen.empty());
  // The rows of one division get colours of their own.
  const auto before = open_data(data, 7);
  const std::int64_t tested = before.division.test.at(0).first;
  rows = "size,colour,kind\n";
  for (std::int64_t i = 0; i < 60; ++i) {
    rows += std::to_string(i) +
            (i == tested ? ",green,"
             : i % 2     ? ",red,"
                         : ",blue,") +
            (i % 3 ? "a\n" : "b\n");
  }
  test::write_file(folder_ / "t.csv", rows);
  const auto setup = open_data(data, 7);
  ASSERT_EQ(setup.unseen.size(), 1u);
  for (const std::string& part :
       {std::string("test rows"), std::string("\"colour\""), std::string("1 of 12 cells"),
        "data row " + std::to_string(tested + 1) + ": \"green\""}) {
    EXPECT_NE(setup.unseen[0].find(part), std::string::npos) << part << ": " << setup.unseen[0];
  }
  EXPECT_EQ(warnings_of(setup).back(), setup.unseen[0]);
  // A class without a sample to learn from.
  const auto parts = folder_ / "parts";
  for (const char* file : {"train/a/1", "train/b/1", "test/a/1", "test/b/1", "test/b/2"}) {
    std::filesystem::create_directories((parts / file).parent_path());
    test::write_file(parts / (std::string(file) + ".txt"), "some words");
  }
  data.path = parts.string();
  data.validation = 0;
  EXPECT_TRUE(open_data(data, 0).unseen.empty());
  const auto whole = open_data(data, 0);
  RunSetup kept{.recipe = {}, .fingerprint = {}, .nearby = {}, .learned = {}, .layers = {}};
  kept.learned = {.division = whole.division,
                  .class_names = whole.info.class_names,
                  .preprocessing = whole.info.preprocessing};
  kept.learned.division.train = {{0, 0}};
  const auto one = open_data(data, kept.learned);
  ASSERT_EQ(one.unseen.size(), 1u);
  EXPECT_NE(one.unseen[0].find("a class with samples"), std::string::npos) << one.unseen[0];
  EXPECT_NE(one.unseen[0].find("\"b\" (2)"), std::string::npos) << one.unseen[0];
}

// A 0 that is given is a 0; what is not given is the optimizer's own.
TEST(TrainRecipes, WeightDecayOfZeroIsZero) {
  const std::string layers = R"([{"type": "dense", "units": 2}])";
  const auto decay = [&](const std::string& optimizer, const char* given) {
    Recipe recipe;
    recipe.train.optimizer = optimizer;
    if (given) set_key(recipe, std::string("train.weight_decay=") + given);
    validate(recipe);
    return make_model(recipe, layers, zoo::Task::classification, 10).optimizer().weight_decay();
  };
  const std::map<std::string, double> standard = {{"sgd", 0},     {"adam", 0}, {"adamw", 0.01},
                                                  {"rmsprop", 0}, {"lion", 0}, {"muon", 0.1}};
  for (const auto& [name, value] : standard) {
    EXPECT_EQ(decay(name, nullptr), value) << name;
    EXPECT_EQ(decay(name, "0"), 0) << name;
    EXPECT_EQ(decay(name, "0.25"), 0.25) << name;
  }
}

// The command line knows every optimizer of the library, by its defaults.
TEST(TrainRecipes, OptimizersAreThoseOfTheLibrary) {
  const std::string layers = R"([{"type": "dense", "units": 2}])";
  for (const auto& row : optim::optimizers()) {
    Recipe recipe;
    recipe.train.optimizer = row.name;
    validate(recipe);
    Model model = make_model(recipe, layers, zoo::Task::classification, 10);
    EXPECT_EQ(model.optimizer().name(), row.name);
    const optim::Optimizer own(row.name.c_str());
    EXPECT_EQ(model.optimizer().learning_rate(), own.learning_rate()) << row.name;
    EXPECT_EQ(model.optimizer().weight_decay(), own.weight_decay()) << row.name;
  }
  const auto with = [&](const char* toml) {
    const Recipe recipe =
        recipe_from_toml(std::string("[train]\noptimizer = \"sgd\"\n") + toml, "r");
    make_model(recipe, layers, zoo::Task::classification, 10);
  };
  EXPECT_NO_THROW(with("optimizer_options = {momentum = 0.9, nesterov = true}"));
  EXPECT_NO_THROW(with("optimizer_options = [\"momentum=0.9\"]"));
  // Nesterov without a momentum is refused, so the options do arrive.
  test::expect_error<ValueError>([&] { with("optimizer_options = {nesterov = true}"); },
                                 {"nesterov needs a momentum"});
  test::expect_error<ValueError>([&] { with("optimizer_options = {momentun = 0.9}"); },
                                 {"momentun", "did you mean \"momentum\""});
  test::expect_error<ValueError>([&] { with("optimizer_options = [\"momentum\"]"); },
                                 {"train.optimizer_options", "momentum=0.9"});
  test::expect_error<ValueError>([&] { with("optimizer_options = {learning_rate = 0.1}"); },
                                 {"write train.learning_rate"});
}

// L-BFGS has no rate of its own: what would be left aside is refused.
TEST(TrainRecipes, WhatLbfgsHasNotIsRefused) {
  const auto with = [](const char* assignment) {
    Recipe recipe;
    recipe.train.optimizer = "lbfgs";
    if (assignment) set_key(recipe, assignment);
    validate(recipe);
  };
  EXPECT_NO_THROW(with(nullptr));
  EXPECT_NO_THROW(with("train.weight_decay=0"));
  for (const char* assignment : {"train.learning_rate=0.1", "train.clip_norm=1",
                                 "train.weight_decay=0.1", "train.schedule=cosine"}) {
    const std::string key(assignment, std::string(assignment).find('='));
    test::expect_error<ValueError>([&] { with(assignment); }, {key.c_str(), "lbfgs"});
  }
}

}  // namespace
}  // namespace nacre::cli
