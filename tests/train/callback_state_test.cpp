// What callbacks remember ends with the training it is of, unless a run goes on.
#include <gtest/gtest.h>

#include <algorithm>

#include "nacre/base/file.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

const Tensor x = tensor({{1, 2}, {3, 4}, {5, 6}, {7, 8}});

// A model whose loss rises from epoch to epoch: the first is the best.
Model rising(double start) {
  Model model{nn::Dense{{.units = 1, .use_bias = false}}};
  model.predict(x);
  model.load_state({{"weight", full({1, 2}, start)}});
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.1}), .loss = loss::mse()});
  return model;
}

std::vector<float> weights(Model& model) {
  return model.parameters()[0].value().to_vector<float>();
}

TEST(CallbackState, ASecondFitBeginsAnew) {
  const auto stopping = early_stopping({.monitor = "loss", .patience = 2, .restore_best = true});
  FitOptions options{.epochs = 6, .verbose = 0};
  options.callbacks = {stopping};
  Model first = rising(1);
  EXPECT_EQ(first.fit(x, zeros({4, 1}), options).epochs.size(), 3u);
  const auto own = weights(first);
  Model second = rising(2);
  Model alone = rising(2);
  EXPECT_EQ(second.fit(x, zeros({4, 1}), options).epochs.size(), 3u);
  options.callbacks = {early_stopping({.monitor = "loss", .patience = 2, .restore_best = true})};
  alone.fit(x, zeros({4, 1}), options);
  EXPECT_EQ(weights(second), weights(alone));
  EXPECT_NE(weights(second), own);
}

TEST(CallbackState, TheOtherCallbacksBeginAnewToo) {
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 1, .verbose = 0};
  options.callbacks = {
      best_weights({.path = folder / "best", .monitor = "loss"}),
      reduce_on_plateau({.monitor = "loss", .factor = 0.5, .patience = 1, .cooldown = 3})};
  Model low = rising(0.01);
  low.fit(x, zeros({4, 1}), options);
  std::filesystem::remove(folder / "best");
  Model high = rising(2);
  high.fit(x, zeros({4, 1}), options);
  EXPECT_TRUE(std::filesystem::exists(folder / "best"));
  EXPECT_EQ(high.optimizer().learning_rate(), 0.1);
}

// What the command line saves with: a function in place of a file of weights.
TEST(CallbackState, ABestModelOfAnotherTrainingIsNoMeasure) {
  int saved = 0;
  FitOptions options{.epochs = 1, .verbose = 0};
  options.callbacks = {best_weights(
      {.path = "none", .monitor = "loss", .direction = Direction::down, .save = [&](Model&) {
         ++saved;
       }})};
  Model low = rising(0.01);
  low.fit(x, zeros({4, 1}), options);
  EXPECT_EQ(saved, 1);
  Model high = rising(2);
  high.fit(x, zeros({4, 1}), options);
  EXPECT_EQ(saved, 2);
  EXPECT_FALSE(std::filesystem::exists("none"));
}

TEST(CallbackState, LogsOfAnotherTrainingAreGone) {
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 2, .verbose = 0};
  options.callbacks = {json_lines_log(folder / "log")};
  for (int fit = 0; fit < 2; ++fit) {
    Model model = rising(1);
    model.fit(x, zeros({4, 1}), options);
    const std::string lines = read_file(folder / "log");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
  }
}

struct Counter : Callback {
  void reset() override { epochs = 0; }
  void on_epoch_end(TrainingState&) override { ++epochs; }
  nn::StateMap state() const override { return {{"epochs", Tensor::scalar(epochs, i64)}}; }
  void load_state(const nn::StateMap& s) override { epochs = s.at("epochs").item<int>(); }
  int epochs = 0;
};

TEST(CallbackState, OfTheProgramsOwnIsResetOrResumed) {
  const test::TemporaryFolder folder;
  const auto counter = std::make_shared<Counter>();
  FitOptions options{.epochs = 2, .verbose = 0, .checkpoint = {.folder = folder / "c"}};
  options.callbacks = {counter};
  rising(0.1).fit(x, zeros({4, 1}), options);
  options.resume = true;
  options.epochs = 3;
  counter->epochs = 77;
  rising(0.1).fit(x, zeros({4, 1}), options);
  EXPECT_EQ(counter->epochs, 3);
  options.checkpoint = {};
  options.resume = false;
  rising(0.1).fit(x, zeros({4, 1}), options);
  EXPECT_EQ(counter->epochs, 3);
}

TEST(CallbackState, OfOtherCallbacksIsRefused) {
  const test::TemporaryFolder folder;
  FitOptions options{.epochs = 1, .verbose = 0, .checkpoint = {.folder = folder / "c"}};
  options.callbacks = {std::make_shared<Counter>()};
  rising(0.1).fit(x, zeros({4, 1}), options);
  options.resume = true;
  options.epochs = 2;
  options.callbacks = {early_stopping({.monitor = "loss"})};
  Model model = rising(0.1);
  test::expect_error<IoError>(
      [&] {
        model.fit(x, zeros({4, 1}), options);
      },
      {"step-", "other callbacks"});
}

}  // namespace
}  // namespace nacre
