// Weights of samples and classes, and accumulation, which is one batch of all samples.
#include <gtest/gtest.h>

#include "nacre/data/loader.h"
#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using test::expect_error;

Tensor inputs(const Shape& shape) {
  return sin(arange(shape.elements(), f32) * 0.7).reshape(shape);
}

// The weights after training by one loss, in batches of `batch` of which `accumulate` make one.
std::vector<float> trained(const Tensor& x, const Tensor& y, const loss::Loss& loss,
                           std::int64_t batch, std::int64_t accumulate, FitOptions options = {},
                           std::int64_t units = 3, bool eagerly = false) {
  manual_seed(5);
  Model model{nn::Dense{{.units = units}}};
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.1, .momentum = 0.9}),
                 .loss = loss,
                 .accumulate = accumulate,
                 .run_eagerly = eagerly});
  options.epochs = 3;
  options.batch_size = batch;
  options.shuffle = false;
  options.verbose = 0;
  model.fit(x, y, options);
  return model.parameters()[0].value().to_vector<float>();
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << i;
}

TEST(Accumulate, WeightedBatchesAreOneLargeBatch) {
  const Tensor x = inputs({8, 4});
  const Tensor y = tensor({0, 1, 2, 0, 1, 2, 1, 1}, i64);
  const loss::Loss loss = loss::sparse_categorical_crossentropy({.from_logits = true});
  FitOptions weighted;
  weighted.sample_weights = tensor({1, 9, 0, 0, 0.5, 2, 3, 0.1});
  FitOptions classes;
  classes.class_weights = {{0, 5}, {2, 0.25}};
  for (const bool eagerly : {false, true}) {
    for (const FitOptions& options : {FitOptions{}, weighted, classes}) {
      const auto whole = trained(x, y, loss, 8, 1, options, 3, eagerly);
      expect_near(trained(x, y, loss, 2, 4, options, 3, eagerly), whole, 1e-5);
      // Batches of 3, 3 and 2.
      expect_near(trained(x, y, loss, 3, 3, options, 3, eagerly), whole, 1e-5);
    }
    for (const loss::Reduction reduction : {loss::Reduction::sum, loss::Reduction::none}) {
      const auto other = loss.with(reduction);
      const auto whole = trained(x, y, other, 8, 1, weighted, 3, eagerly);
      expect_near(trained(x, y, other, 3, 3, weighted, 3, eagerly), whole, 1e-5);
    }
  }
}

TEST(Accumulate, SeveralOutputsAreOneLargeBatch) {
  struct Net {
    nn::Dense a{{.units = 2}}, b{{.units = 1}};
    NACRE_MODULE(a, b)
    Tensors operator()(const Tensors& in) { return {a(in[0]), b(in[0])}; }
  };
  const Tensor x = inputs({5, 4});
  const auto run = [&](std::int64_t batch, std::int64_t accumulate) {
    manual_seed(5);
    Model model{Net{}};
    model.compile({.optimizer = optim::SGD({.learning_rate = 0.1}),
                   .outputs = {{.loss = loss::mse(), .weight = 2}, {.loss = loss::mae()}},
                   .accumulate = accumulate});
    FitOptions options{.epochs = 2, .batch_size = batch, .shuffle = false, .verbose = 0};
    options.sample_weights = tensor({1, 2, 3, 4, 0.5});
    model.fit({x}, Tensors{inputs({5, 2}), inputs({5, 1})}, options);
    return model.parameters()[0].value().to_vector<float>();
  };
  expect_near(run(2, 3), run(5, 1), 1e-5);
}

// What an interrupted run has gathered is not part of the next one.
TEST(Accumulate, BeginsAnewWithEachFit) {
  const Tensor x = inputs({4, 2});
  const Tensor y = inputs({4, 1});
  Model model{nn::Dense{{.units = 1}}};
  model.compile(
      {.optimizer = optim::SGD({.learning_rate = 0.1}), .loss = loss::mse(), .accumulate = 3});
  FitOptions options{.batch_size = 1, .shuffle = false, .verbose = 0};
  options.callbacks = {make_callback({.on_batch_end = [](TrainingState& s) { s.stop = true; }})};
  model.fit(x * 100, y, options);
  options.callbacks = {};
  Model fresh{model.network()};
  fresh.compile(
      {.optimizer = optim::SGD({.learning_rate = 0.1}), .loss = loss::mse(), .accumulate = 3});
  model.fit(x, y, options);
  fresh.fit(x, y, options);
  EXPECT_EQ(model.parameters()[0].value().to_vector<float>(),
            fresh.parameters()[0].value().to_vector<float>());
}

TEST(Accumulate, EvaluationDoesNotDependOnTheBatches) {
  const Tensor x = inputs({7, 4});
  const Tensor y = inputs({7, 2});
  Model model{nn::Dense{{.units = 2}}};
  model.compile({.loss = loss::mse()});
  const Tensor w = tensor({1, 2, 0, 0, 5, 1, 0.5});
  const double whole = model.evaluate(x, y, {.batch_size = 7, .sample_weights = w})["loss"];
  EXPECT_NEAR(model.evaluate(x, y, {.batch_size = 2, .sample_weights = w})["loss"], whole, 1e-6);
}

// Labels [n, t]: class weights are the weights of the positions.
TEST(ClassWeights, OfPositions) {
  const Tensor x = inputs({4, 3, 5});
  const Tensor y = tensor({{0, 1, 2}, {1, 1, 0}, {2, 2, 1}, {0, 0, 1}}, i64);
  const loss::Loss loss = loss::sparse_categorical_crossentropy({.from_logits = true});
  FitOptions classes;
  classes.class_weights = {{0, 0.1}, {2, 4}};
  FitOptions positions;
  positions.sample_weights = tensor({{0.1, 1, 4}, {1, 1, 0.1}, {4, 4, 1}, {0.1, 0.1, 1}});
  const auto by_class = trained(x, y, loss, 2, 1, classes);
  expect_near(by_class, trained(x, y, loss, 2, 1, positions), 1e-6);
  EXPECT_NE(by_class, trained(x, y, loss, 2, 1));
  expect_near(trained(x, y, loss, 2, 2, classes), trained(x, y, loss, 4, 1, classes), 1e-5);
  // Times the weights of samples.
  classes.sample_weights = tensor({1, 2, 3, 4});
  positions.sample_weights = positions.sample_weights * tensor({{1}, {2}, {3}, {4}});
  expect_near(trained(x, y, loss, 2, 1, classes), trained(x, y, loss, 2, 1, positions), 1e-6);
}

TEST(ClassWeights, OfRowsColumnsAndBinaryLabels) {
  const Tensor x = inputs({4, 5});
  const Tensor numbers = tensor({0, 2, 1, 2}, i64);
  FitOptions classes;
  classes.class_weights = {{2, 4}};
  FitOptions samples;
  samples.sample_weights = tensor({1, 4, 1, 4});
  const loss::Loss sparse = loss::sparse_categorical_crossentropy({.from_logits = true});
  const loss::Loss rows = loss::categorical_crossentropy({.from_logits = true});
  const auto expected = trained(x, numbers, sparse, 2, 1, samples);
  expect_near(trained(x, numbers, sparse, 2, 1, classes), expected, 1e-6);
  expect_near(trained(x, numbers.reshape({4, 1}), sparse, 2, 1, classes), expected, 1e-6);
  expect_near(trained(x, one_hot(numbers, 3), rows, 2, 1, classes), expected, 1e-6);
  const loss::Loss binary = loss::binary_crossentropy({.from_logits = true});
  const Tensor flags = tensor({{0}, {1}, {0}, {1}});
  classes.class_weights = {{1, 4}};
  expect_near(trained(x, flags, binary, 2, 1, classes, 1),
              trained(x, flags, binary, 2, 1, samples, 1), 1e-6);
}

TEST(ClassWeights, WhatHasNoEffectIsAnError) {
  const Tensor x = inputs({4, 5});
  const Tensor y = tensor({0, 2, 1, 2}, i64);
  Model model{nn::Dense{{.units = 3}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy({.from_logits = true})});
  const auto refused = [&](std::map<std::int64_t, double> weights,
                           std::initializer_list<const char*> parts) {
    expect_error<ValueError>([&] { model.fit(x, y, {.class_weights = weights, .verbose = 0}); },
                             parts);
    data::Loader loader(data::Dataset::from({x}, {y}), {.batch_size = 2});
    expect_error<ValueError>([&] { model.fit(loader, {.class_weights = weights, .verbose = 0}); },
                             parts);
  };
  refused({{7, 2}}, {"class 7", "0, 1, 2"});
  refused({{0, 1}, {3, 2}}, {"class 3"});
  refused({{-1, 2}}, {"class -1"});
  refused({{0, -2}}, {"class 0", "-2"});
  Model regression{nn::Dense{{.units = 1}}};
  regression.compile({.loss = loss::mse()});
  FitOptions options{.verbose = 0};
  options.class_weights = {{0, 2}};
  expect_error<ValueError>(
      [&] {
        regression.fit(x, inputs({4, 1}) + 0.3, options);
      },
      {"no class number"});
  Model many{nn::Dense{{.units = 3}}};
  many.compile({.loss = loss::binary_crossentropy({.from_logits = true})});
  expect_error<ShapeError>([&] { many.fit(x, zeros({4, 3}), options); }, {"several labels"});
}

}  // namespace
}  // namespace nacre
