// Networks of several inputs and outputs, L-BFGS in fit(), and errors for what is not finite.
#include <gtest/gtest.h>

#include "nacre/base/random.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;

// Two inputs, joined in the middle; a class and a value come out.
struct TwoHeads {
  nn::Dense left{{.units = 8, .activation = tanh}};
  nn::Dense right{{.units = 8, .activation = tanh}};
  nn::Dense classes{{.units = 2}};
  nn::Dense value{{.units = 1}};
  NACRE_MODULE(left, right, classes, value)
  Tensors operator()(const Tensors& in) {
    const Tensor joined = concatenate({left(in[0]), right(in[1])}, 1);
    return {classes(joined), value(joined)};
  }
};

struct Data {
  Tensors x;
  Tensors y;
};
Data make_data(std::int64_t n = 96) {
  RandomStream random(11);
  std::vector<float> a;
  std::vector<float> b;
  std::vector<float> value;
  std::vector<std::int64_t> label;
  for (std::int64_t i = 0; i < n; ++i) {
    for (int k = 0; k < 3; ++k) a.push_back(static_cast<float>(random.uniform(-1, 1)));
    for (int k = 0; k < 2; ++k) b.push_back(static_cast<float>(random.uniform(-1, 1)));
    label.push_back(a[a.size() - 1] + b[b.size() - 1] > 0 ? 1 : 0);
    value.push_back(0.5f * a[a.size() - 2] - b[b.size() - 2]);
  }
  return {{Tensor::from(a, {n, 3}), Tensor::from(b, {n, 2})},
          {Tensor::from(label), Tensor::from(value, {n, 1})}};
}

ModelOptions two_losses(double weight = 2) {
  return {.optimizer = optim::Adam({.learning_rate = 0.02}),
          .outputs = {{.name = "class",
                       .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                       .metrics = {metric::accuracy()}},
                      {.loss = loss::mse(),
                       .weight = weight,
                       .metrics = {metric::mean_absolute_error(), metric::r2()}}}};
}

TEST(Outputs, TrainJudgeAndPredict) {
  const Data data = make_data();
  manual_seed(2);
  Model model{TwoHeads{}};
  model.compile(two_losses());
  const History history = model.fit(
      data.x, data.y, {.epochs = 60, .batch_size = 20, .validation_split = 0.25, .verbose = 0});
  EXPECT_GT(history.last("class_accuracy"), 0.93);
  EXPECT_GT(history.last("output_2_r2"), 0.9);
  EXPECT_GT(history.last("val_class_accuracy"), 0.8);
  const Logs logs = model.evaluate(data.x, data.y);
  EXPECT_NEAR(logs["loss"], logs["class_loss"] + 2 * logs["output_2_loss"], 1e-6);
  const Tensors all = model.predict_outputs(data.x, {.batch_size = 17});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].shape(), (Shape{96, 2}));
  EXPECT_EQ(all[1].shape(), (Shape{96, 1}));
  // The numbers are those of the outputs.
  metric::Metric mae = metric::mean_absolute_error();
  mae.update(all[1], data.y[1]);
  EXPECT_NEAR(mae.result(), logs["output_2_mae"], 1e-6);
  expect_error<ValueError>([&] { model.predict(data.x); }, {"2 outputs", "predict_outputs"});
  EXPECT_EQ(model.metrics().size(), 3u);
  // The table of layers knows both inputs.
  EXPECT_EQ(model.summary({{f32, {1, 3}}, {f32, {1, 2}}}).parameters, 32 + 24 + 34 + 17);
}

TEST(Outputs, CompiledEqualsEagerAndAWeightOfZeroSwitchesOff) {
  const Data data = make_data(40);
  std::vector<std::vector<float>> ends;
  for (const bool eagerly : {false, true}) {
    manual_seed(2);
    Model model{TwoHeads{}};
    ModelOptions options = two_losses(0);
    options.run_eagerly = eagerly;
    model.compile(options);
    const Tensors before = model.predict_outputs(data.x);
    model.fit(data.x, data.y, {.epochs = 2, .batch_size = 16, .verbose = 0});
    const Tensors after = model.predict_outputs(data.x);
    ends.push_back(after[0].to_vector<float>());
    for (const nn::NamedVariable& p : model.parameters()) {
      if (p.name == "value.bias") {
        EXPECT_EQ(p.value().item(), 0);
      }
    }
  }
  for (std::size_t i = 0; i < ends[0].size(); ++i) EXPECT_NEAR(ends[0][i], ends[1][i], 1e-5);
}

TEST(Outputs, ResumeBitForBit) {
  const Data data = make_data();
  const test::TemporaryFolder folder;
  const auto make = [] {
    manual_seed(2);
    Model model{TwoHeads{}};
    model.compile(two_losses());
    return model;
  };
  FitOptions options{.epochs = 3, .batch_size = 16, .verbose = 0};
  Model whole = make();
  whole.fit(data.x, data.y, options);
  options.checkpoint = {.folder = folder.path(), .every_steps = 1};
  options.callbacks = {make_callback({.on_batch_end = [](TrainingState& s) {
    if (s.step == 8) s.stop = true;
  }})};
  Model first = make();
  first.fit(data.x, data.y, options);
  options.callbacks = {};
  options.resume = true;
  Model second = make();
  const History history = second.fit(data.x, data.y, options);
  EXPECT_EQ(history.epochs.size(), 3u);
  for (const auto& [name, value] : whole.training_state()) {
    EXPECT_EQ(value.to_vector<double>(), second.training_state().at(name).to_vector<double>())
        << name;
  }
}

TEST(Outputs, ErrorsSayWhatDoesNotFit) {
  const Data data = make_data(20);
  Model model{TwoHeads{}};
  expect_error<ValueError>(
      [&] { model.compile({.loss = loss::mse(), .outputs = {{.loss = loss::mse()}}}); },
      {".outputs", ".loss"});
  expect_error<ValueError>([&] { model.compile({.outputs = {{.name = "a"}}}); },
                           {"no loss", "\"a\""});
  expect_error<ValueError>(
      [&] {
        model.compile(
            {.outputs = {{.name = "a", .loss = loss::mse()}, {.name = "a", .loss = loss::mse()}}});
      },
      {"two outputs", "\"a\""});
  model.compile(two_losses());
  expect_error<ValueError>([&] { model.fit(data.x, data.y[0], {.verbose = 0}); },
                           {"1 target tensors, 2"});
  model.compile({.loss = loss::mse()});
  expect_error<ValueError>([&] { model.fit(data.x, data.y[1], {.verbose = 0}); },
                           {"gives 2 outputs", ".outputs"});
  EXPECT_THROW(model.network()(data.x), ValueError);
}

TEST(LbfgsFit, ReachesTheLeastSquaresOfTheWholeData) {
  RandomStream random(3);
  std::vector<float> x;
  std::vector<float> y;
  for (int i = 0; i < 50; ++i) {
    x.push_back(static_cast<float>(random.uniform(-1, 1)));
    x.push_back(static_cast<float>(random.uniform(-1, 1)));
    y.push_back(3 * x[x.size() - 2] - 2 * x[x.size() - 1] + 0.5f);
  }
  const Tensor inputs = Tensor::from(x, {50, 2});
  const Tensor targets = Tensor::from(y, {50, 1});
  Model model{nn::Sequential{nn::Dense{{.units = 1}}}};
  model.compile({.loss = loss::mse(), .metrics = {metric::r2()}, .lbfgs = optim::LBFGSOptions{}});
  const test::TemporaryFolder folder;
  const FitOptions options{
      .epochs = 4, .batch_size = 50, .verbose = 0, .checkpoint = {.folder = folder.path()}};
  const History history = model.fit(inputs, targets, options);
  EXPECT_LT(model.evaluate(inputs, targets)["loss"], 1e-9);
  EXPECT_GT(history["loss"].front(), history["loss"].back());
  EXPECT_GT(history.last("r2"), 0.9999);
  // It goes on from a checkpoint with what it knows of the curvature.
  Model again{nn::Sequential{nn::Dense{{.units = 1}}}};
  again.compile({.loss = loss::mse(), .metrics = {metric::r2()}, .lbfgs = optim::LBFGSOptions{}});
  FitOptions more = options;
  more.epochs = 6;
  more.resume = true;
  EXPECT_EQ(again.fit(inputs, targets, more).epochs.size(), 6u);
  model.compile({.loss = loss::mse(), .lbfgs = optim::LBFGSOptions{}});
  expect_error<ValueError>([&] { model.fit(inputs, targets, {.batch_size = 32, .verbose = 0}); },
                           {"all 50 samples", "32", ".batch_size = 50", "mini_batches"});
  model.compile({.loss = loss::mse(), .lbfgs = optim::LBFGSOptions{.mini_batches = true}});
  EXPECT_NO_THROW(model.fit(inputs, targets, {.batch_size = 32, .verbose = 0}));
  EXPECT_THROW(
      model.compile({.loss = loss::mse(), .accumulate = 2, .lbfgs = optim::LBFGSOptions{}}),
      ValueError);
}

// sqrt has an infinite slope at 0: the loss is finite, the gradient is not.
Model steep(bool check, int accumulate = 1) {
  manual_seed(1);
  Model model{nn::Sequential{{"first", nn::Dense{{.units = 3}}},
                             {"second", nn::Dense{{.units = 1, .use_bias = false}}}}};
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.1}),
                 .loss = loss::Loss([](const Tensor& p, const Tensor& t) {
                   return mean(sqrt(abs(p * 0)) + square(p - t));
                 }),
                 .accumulate = accumulate,
                 .check_finite = check});
  return model;
}

TEST(NotFinite, AGradientIsAnErrorThatNamesTheParameter) {
  const Tensor x = ones({8, 2});
  const Tensor y = ones({8, 1});
  for (const int accumulate : {1, 2}) {
    Model model = steep(true, accumulate);
    expect_error<GradientError>([&] { model.fit(x, y, {.batch_size = 2, .verbose = 0}); },
                                {"gradient", "first.", "epoch 1, batch 1"});
  }
  Model unchecked = steep(false);
  EXPECT_NO_THROW(unchecked.fit(x, y, {.epochs = 2, .batch_size = 4, .verbose = 0}));
}

TEST(NotFinite, LoopsOfOnesOwnAskTheOptimizer) {
  nn::Dense dense{{.units = 1}};
  const Tensor x = ones({2, 2});
  dense(x);
  const auto slopes = [&] {
    return value_and_grad([&] { return sum(sqrt(abs(dense(x) * 0))); }, dense)().second;
  };
  optim::SGD eager({.learning_rate = 0.1});
  expect_error<GradientError>([&] { eager.apply(dense, slopes()); }, {"\"weight\"", "finite"});
  optim::SGD sgd({.learning_rate = 0.1});
  auto step = compile([&](const Tensor& t) {
    auto [value, gradients] = value_and_grad([&] { return sum(sqrt(abs(dense(t) * 0))); }, dense)();
    sgd.apply(dense, gradients);
    return value;
  });
  sgd.check_finite();
  step(x);
  expect_error<GradientError>([&] { sgd.check_finite(); }, {"\"weight\""});
  EXPECT_EQ(sgd.non_finite_gradient(), "weight");
  optim::SGD off({.learning_rate = 0.1});
  off.check_gradients(false);
  off.apply(dense, slopes());
  EXPECT_EQ(off.non_finite_gradient(), "");
}

}  // namespace
}  // namespace nacre
