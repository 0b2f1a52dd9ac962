// Whole training runs on a backend whose memory the host may not touch: the numbers of the CPU, and
// results that are read when somebody asks.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/files.h"
#include "tests/support/host2.h"

namespace nacre::testing {
namespace {

struct Data {
  Tensor x;
  Tensor y;
};

// Pictures of four classes.
Data pictures(std::int64_t n) {
  Tensor x(Spec{f32, {n, 1, 8, 8}});
  Tensor y(Spec{i64, {n}});
  RandomStream random(3);
  const auto pixels = x.mutable_data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t c = i % 4;
    y.mutable_data<std::int64_t>()[static_cast<std::size_t>(i)] = c;
    for (std::int64_t k = 0; k < 64; ++k) {
      const bool bright = (c < 2 ? k / 8 : k % 8) / 4 == c % 2;
      pixels[static_cast<std::size_t>(i * 64 + k)] =
          static_cast<float>((bright ? 0.8 : 0.2) + 0.3 * random.uniform(-1, 1));
    }
  }
  return {x, y};
}

Model cnn() {
  manual_seed(5);
  Model model{nn::Sequential{nn::Conv2d{{.filters = 8, .kernel_size = 3, .activation = relu}},
                             nn::MaxPool2d{}, nn::BatchNorm{}, nn::Flatten{},
                             nn::Dense{{.units = 16, .activation = relu}},
                             nn::Dropout{{.rate = 0.2}}, nn::Dense{{.units = 4}}}};
  model.compile({.optimizer = optim::Adam({.learning_rate = 0.01}),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {"accuracy", "f1"}});
  return model;
}

void expect_same(const nn::StateMap& got, const nn::StateMap& want) {
  ASSERT_EQ(got.size(), want.size());
  for (const auto& [name, value] : want) {
    ASSERT_TRUE(got.count(name)) << name;
    EXPECT_EQ(got.at(name).to_vector<double>(), value.to_vector<double>()) << name;
  }
}

// What one run leaves.
struct Outcome {
  History history;
  nn::StateMap state;
  std::vector<float> predictions;
  std::vector<double> evaluation;
};
Outcome train(Model& model, const Data& data, const FitOptions& options) {
  Outcome run;
  run.history = model.fit(data.x, data.y, options);
  run.state = model.training_state();
  run.predictions = model.predict(data.x, {.batch_size = 20}).to_vector<float>();
  const Logs logs = model.evaluate(data.x, data.y);
  for (const auto& [name, value] : logs.entries()) {
    run.evaluation.push_back(value);
  }
  return run;
}

TEST(BackendTraining, ARunGivesTheNumbersOfTheCpu) {
  const Data data = pictures(96);
  const FitOptions options{.epochs = 3, .batch_size = 16, .validation_split = 0.25, .verbose = 0};
  Model here = cnn();
  const Outcome expected = train(here, data, options);
  EXPECT_GT(expected.history.last("accuracy"), 0.4);
  const BackendScope scope(host2_backend());
  Model there = cnn();
  const Outcome got = train(there, data, options);
  for (const auto& [name, value] : expected.history.epochs.back().entries()) {
    EXPECT_EQ(got.history[name], expected.history[name]) << name;
  }
  expect_same(got.state, expected.state);
  EXPECT_EQ(got.predictions, expected.predictions);
  EXPECT_EQ(got.evaluation, expected.evaluation);
  EXPECT_TRUE(there.parameters()[0].cell->value.is_in(host2_backend().memory()));
  // A tensor of the backend is data as good as the host's.
  const Tensor x = data.x.in(host2_backend().memory());
  EXPECT_EQ(there.predict(x).to_vector<float>(), here.predict(data.x).to_vector<float>());
}

TEST(BackendTraining, ARunGoesOnFromItsCheckpoint) {
  const Data data = pictures(64);
  Model whole = cnn();
  const FitOptions four{.epochs = 4, .batch_size = 16, .verbose = 0};
  whole.fit(data.x, data.y, four);
  const test::TemporaryFolder folder;
  {
    const BackendScope scope(host2_backend());
    Model first = cnn();
    first.fit(
        data.x, data.y,
        {.epochs = 2, .batch_size = 16, .verbose = 0, .checkpoint = {.folder = folder.path()}});
    Model second = cnn();
    FitOptions rest = four;
    rest.checkpoint.folder = folder.path();
    rest.resume = true;
    second.fit(data.x, data.y, rest);
    expect_same(second.training_state(), whole.training_state());
    // Weights and whole models leave it and come back.
    second.save_weights(folder / "w.safetensors");
    second.save(folder / "m.nacre");
    Model third = cnn();
    third.predict(data.x);
    third.load_weights(folder / "w.safetensors");
    EXPECT_EQ(third.predict(data.x).to_vector<float>(), second.predict(data.x).to_vector<float>());
  }
  Model loaded = Model::load(folder / "m.nacre");
  EXPECT_EQ(loaded.predict(data.x).to_vector<float>(), whole.predict(data.x).to_vector<float>());
}

TEST(BackendTraining, AccumulatedAndEagerStepsToo) {
  const Data data = pictures(32);
  for (const bool eagerly : {false, true}) {
    const auto run = [&] {
      Model model = cnn();
      model.compile({.optimizer = optim::SGD({.learning_rate = 0.05, .momentum = 0.9}),
                     .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                     .metrics = {"accuracy"},
                     .accumulate = 2,
                     .run_eagerly = eagerly});
      model.fit(data.x, data.y, {.epochs = 1, .batch_size = 8, .verbose = 0});
      return model.training_state();
    };
    const nn::StateMap expected = run();
    const BackendScope scope(host2_backend());
    expect_same(run(), expected);
  }
}

// A recurrent cell, by hand: scan over the steps, its gradient, an optimizer.
TEST(BackendTraining, ALoopTrains) {
  const auto run = [] {
    manual_seed(2);
    Variable w(linspace(-0.5, 0.5, 16).reshape({4, 4}), "w");
    Variable u(linspace(-0.3, 0.4, 12).reshape({3, 4}), "u");
    optim::Adam adam({.learning_rate = 0.02});
    const nn::NamedVariables parameters{{"w", w.cell()}, {"u", u.cell()}};
    auto step = compile([&](const Tensor& xs, const Tensor& want) {
      GradientTape tape;
      const auto [last, ys] = scan(
          [&](const Tensor& h, const Tensor& x) {
            const Tensor next = tanh(matmul(h, w) + matmul(x, u));
            return std::pair(next, mean(next));
          },
          zeros({2, 4}), xs);
      const Tensor loss = mean(square(last - want)) + mean(ys);
      adam.apply(parameters, tape.gradient(loss, Tensors{w.value(), u.value()}));
      return loss;
    });
    const Tensor xs = linspace(-1, 1, 60).reshape({10, 2, 3});
    std::vector<double> losses;
    for (int i = 0; i < 5; ++i) losses.push_back(step(xs, ones({2, 4})).item<double>());
    const std::vector<double> end = w.value().to_vector<double>();
    losses.insert(losses.end(), end.begin(), end.end());
    return losses;
  };
  const std::vector<double> expected = run();
  EXPECT_LT(expected[4], expected[0]);
  const BackendScope scope(host2_backend());
  EXPECT_EQ(run(), expected);
}

std::size_t reads_of_fit(Model& model, const Data& data, FitOptions options) {
  const std::size_t before = host2_counts().to_host;
  model.fit(data.x, data.y, options);
  return host2_counts().to_host - before;
}

TEST(BackendTraining, ResultsAreReadWhenSomebodyAsks) {
  const Data data = pictures(400);
  const BackendScope scope(host2_backend());
  Model model = cnn();
  model.fit(data.x, data.y, {.epochs = 1, .batch_size = 200, .verbose = 0});  // traces
  FitOptions options{.epochs = 1, .batch_size = 4, .verbose = 0};
  EXPECT_LE(reads_of_fit(model, data, options), 4u);  // 100 batches
  options.callbacks = {make_callback({.on_batch_end = [](TrainingState&) {}})};
  EXPECT_LE(reads_of_fit(model, data, options), 4u);
  std::vector<double> seen;
  options.callbacks = {make_callback(
      {.on_batch_end = [&](TrainingState& state) { seen.push_back(state.logs()["loss"]); }})};
  const std::size_t asked = reads_of_fit(model, data, options);
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_GE(asked, 100u);
  EXPECT_LE(asked, 204u);
  // evaluate() reads at its end.
  const std::size_t before = host2_counts().to_host;
  model.evaluate(data.x, data.y, {.batch_size = 4});
  EXPECT_LE(host2_counts().to_host - before, 2u);
}

TEST(BackendTraining, LogsAreThoseOfEveryBatch) {
  const Data data = pictures(64);
  const auto run = [&] {
    std::vector<double> seen;
    Model model = cnn();
    FitOptions options{.epochs = 2, .batch_size = 8, .verbose = 0};
    options.callbacks = {make_callback({.on_batch_end = [&](TrainingState& state) {
      if (state.batch % 3 == 0) seen.push_back(state.logs()["accuracy"]);
    }})};
    model.fit(data.x, data.y, options);
    return seen;
  };
  const std::vector<double> expected = run();
  const BackendScope scope(host2_backend());
  EXPECT_EQ(run(), expected);
}

TEST(BackendTraining, WhatIsNotFiniteIsNamedLater) {
  Data data = pictures(80);
  data.x = index_update(data.x, {41, 0, 3, 3}, std::nan(""));  // batch 6 of 10
  const BackendScope scope(host2_backend());
  Model model = cnn();
  test::expect_error<ValueError>(
      [&] {
        model.fit(data.x, data.y, {.epochs = 1, .batch_size = 8, .shuffle = false, .verbose = 0});
      },
      {"the loss is nan in epoch 1, batch 6", "input 0 of that batch holds NaN"});
}

TEST(BackendTraining, AGradientThatIsNotFiniteIsNamedLater) {
  // The root has no slope at 0, where a net without bias takes the third batch.
  Tensor x = ones({40, 3});
  for (std::size_t i = 16 * 3; i < 24 * 3; ++i) x.mutable_data<float>()[i] = 0;
  const BackendScope scope(host2_backend());
  Model model{nn::Sequential{nn::Dense{{.units = 2, .use_bias = false}}}};
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.001}),
                 .loss = loss::Loss([](const Tensor& p, const Tensor&) { return sqrt(abs(p)); })});
  test::expect_error<GradientError>(
      [&] {
        model.fit(x, zeros({40, 2}),
                  {.epochs = 1, .batch_size = 8, .shuffle = false, .verbose = 0});
      },
      {"the gradient of \"", "is not finite in epoch 1, batch 3"});
}

}  // namespace
}  // namespace nacre::testing
