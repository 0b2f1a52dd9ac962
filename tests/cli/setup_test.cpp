// From a recipe to data: what is learned from which rows.
#include "cli/setup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

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
  EXPECT_FALSE(setup.classifies);
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
  recipe_.standardise_targets = false;
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

}  // namespace
}  // namespace nacre::cli
