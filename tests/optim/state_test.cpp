// The state of an optimizer belongs to the Variables it was made for; saving and restoring go by
// name. What does not fit is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "nacre/nacre.h"
#include "tests/support/files.h"
#include "tests/support/linear_time.h"

namespace nacre {
namespace {

using test::expect_error;

struct Module {
  explicit Module(double start) : weight(full({2}, start, f64)) {}
  Variable weight;
  NACRE_MODULE(weight)
};

Tensors gradient(double g) { return {full({2}, g, f64)}; }
double first(const Variable& v) { return v.value().to_vector<double>()[0]; }

std::map<std::string, optim::Optimizer> optimizers() {
  using namespace optim;
  std::map<std::string, Optimizer> all;
  all.emplace("sgd", SGD({.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5}));
  all.emplace("adam", Adam({.learning_rate = 0.1}));
  all.emplace("amsgrad", AdamW({.learning_rate = 0.1, .amsgrad = true}));
  all.emplace("rmsprop", RMSprop({.learning_rate = 0.1, .momentum = 0.5}));
  all.emplace("adagrad", Adagrad({.learning_rate = 0.1, .learning_rate_decay = 0.5}));
  all.emplace("lamb", Lamb({.learning_rate = 0.1}));
  all.emplace("muon", Muon({.learning_rate = 0.1}));
  return all;
}

// One optimizer on two modules with equal names is as good as one for each.
TEST(OptimizerState, TwoModulesOfEqualNamesShareNothing) {
  for (const auto& [name, optimizer] : optimizers()) {
    for (const bool compiled : {false, true}) {
      Module a(1), b(2), a2(1), b2(2);
      optim::Optimizer one = optimizer;
      optim::Optimizer left = optimizer;
      optim::Optimizer right = optimizer;
      CompiledFunction both([&](const Tensors& in) -> Tensors {
        one.apply(a, {in[0]});
        one.apply(b, {in[1]});
        return {};
      });
      for (int i = 0; i < 4; ++i) {
        const Tensor g = full({2}, 0.5 + i, f64);
        const Tensor h = full({2}, -0.25 * i - 0.1, f64);
        if (compiled) {
          both({g, h});
        } else {
          one.apply(a, {g});
          one.apply(b, {h});
        }
        left.apply(a2, {g});
        right.apply(b2, {h});
        EXPECT_NEAR(first(a.weight), first(a2.weight), 1e-12) << name << " step " << i;
        EXPECT_NEAR(first(b.weight), first(b2.weight), 1e-12) << name << " step " << i;
      }
    }
  }
}

// As PyTorch counts the steps of each parameter.
TEST(OptimizerState, StepsAreCountedForEachVariable) {
  struct Pair {
    Variable x{full({2}, 1, f64)};
    Variable y{full({2}, 1, f64)};
    NACRE_MODULE(x, y)
  } pair;
  Module alone(1);
  optim::Adam adam({.learning_rate = 0.1});
  optim::Adam other({.learning_rate = 0.1});
  const auto both = [&] { adam.apply(pair, {full({2}, 0.3, f64), full({2}, 0.3, f64)}); };
  both();
  other.apply(alone, gradient(0.3));
  pair.y.set_trainable(false);
  for (int i = 0; i < 5; ++i) adam.apply(pair, {full({2}, 0.3, f64)});
  pair.y.set_trainable(true);
  both();
  other.apply(alone, gradient(0.3));
  EXPECT_NEAR(first(pair.y), first(alone.weight), 1e-12);
  both();
  other.apply(alone, gradient(0.3));
  EXPECT_NEAR(first(pair.y), first(alone.weight), 1e-12);
}

TEST(OptimizerState, GatheredGradientsAreThoseOfTheVariable) {
  Module a(0), b(0);
  optim::SGD sgd({.learning_rate = 1});
  sgd.accumulate(nn::parameters(a), gradient(1));
  sgd.accumulate(nn::parameters(b), gradient(10));
  sgd.apply(a, gradient(3));
  sgd.apply(b, gradient(20));
  EXPECT_NEAR(first(a.weight), -2, 1e-12);
  EXPECT_NEAR(first(b.weight), -15, 1e-12);
  sgd.accumulate(nn::parameters(a), gradient(100));
  sgd.discard_accumulated();
  sgd.apply(a, gradient(1));
  EXPECT_NEAR(first(a.weight), -3, 1e-12);
}

TEST(OptimizerState, WeightsOfGatheredGradients) {
  Module m(0);
  optim::SGD sgd({.learning_rate = 1});
  sgd.accumulate(nn::parameters(m), gradient(1), {.weight = Tensor::scalar(3)});
  sgd.apply(m, gradient(5), {.weight = Tensor::scalar(1)});
  EXPECT_NEAR(first(m.weight), -2, 1e-12);
  sgd.accumulate(nn::parameters(m), gradient(1), {.weight = Tensor::scalar(3), .sum = true});
  sgd.apply(m, gradient(5), {.sum = true});
  EXPECT_NEAR(first(m.weight), -8, 1e-12);
  // Samples of no weight give no step, and no NaN.
  sgd.accumulate(nn::parameters(m), gradient(1), {.weight = zeros({})});
  sgd.apply(m, gradient(5), {.weight = zeros({})});
  EXPECT_NEAR(first(m.weight), -8, 1e-12);
}

TEST(OptimizerState, BothModulesAreSavedAndRestored) {
  Module a(1), b(2);
  optim::Adam adam({.learning_rate = 0.1});
  for (int i = 0; i < 3; ++i) {
    adam.apply(a, gradient(1 + i));
    if (i > 0) adam.apply(b, gradient(-2 - i));
  }
  const nn::StateMap saved = nn::values_of(adam.state());
  EXPECT_EQ(saved.count("first_moment/weight"), 1u);
  EXPECT_EQ(saved.count("first_moment/weight#2"), 1u);
  Module a2 = a, b2 = b;
  optim::Adam other({.learning_rate = 0.5});
  other.load_state(saved);
  EXPECT_EQ(nn::values_of(other.state()).size(), saved.size());
  for (int i = 0; i < 3; ++i) {
    adam.apply(a, gradient(0.5));
    adam.apply(b, gradient(0.25));
    other.apply(a2, gradient(0.5));
    other.apply(b2, gradient(0.25));
    EXPECT_EQ(first(a.weight), first(a2.weight));
    EXPECT_EQ(first(b.weight), first(b2.weight));
  }
  // Back to the saved state with Variables that are known.
  a.weight.assign(full({2}, 0, f64));
  adam.load_state(saved);
  adam.apply(a, gradient(1));
  a2.weight.assign(full({2}, 0, f64));
  other.load_state(saved);
  other.apply(a2, gradient(1));
  EXPECT_EQ(first(a.weight), first(a2.weight));
}

TEST(OptimizerState, ACopyGoesOnAndDoesNotShare) {
  Module m(1);
  optim::Adam adam({.learning_rate = 0.1});
  adam.apply(m, gradient(1));
  optim::Optimizer copy = adam;
  const Tensor before = m.weight.value();
  adam.apply(m, gradient(1));
  const double by_original = first(m.weight);
  m.weight.assign(before);
  copy.apply(m, gradient(1));
  EXPECT_EQ(first(m.weight), by_original);
  EXPECT_EQ(adam.step(), 2);
  EXPECT_EQ(copy.step(), 2);
}

TEST(OptimizerState, GoneVariablesLeaveNothing) {
  optim::Adam adam;
  for (int i = 0; i < 50; ++i) {
    Module m(1);
    adam.apply(m, gradient(1));
  }
  EXPECT_LT(adam.state().size(), 15u);
  EXPECT_EQ(nn::values_of(adam.state()).count("first_moment/weight#2"), 0u);
}

TEST(OptimizerState, OfAnotherOptimizerIsRefused) {
  Module m(1);
  optim::SGD sgd({.momentum = 0.9});
  sgd.apply(m, gradient(1));
  const nn::StateMap saved = nn::values_of(sgd.state());
  optim::Adam adam;
  expect_error<ValueError>([&] { adam.load_state(saved); }, {"\"sgd\"", "\"adam\""});
  optim::AdamW adamw;
  expect_error<ValueError>([&] { adamw.load_state(nn::values_of(adam.state())); },
                           {"\"adam\"", "\"adamw\""});
  EXPECT_NO_THROW(optim::SGD().load_state(saved));
}

TEST(OptimizerState, WhatDoesNotFitIsRefused) {
  Module m(1);
  optim::Adam adam;
  adam.apply(m, gradient(1));
  nn::StateMap saved = nn::values_of(adam.state());
  struct Other {
    Variable wight{full({2}, 1, f64)};
    NACRE_MODULE(wight)
  } other;
  optim::Adam fresh;
  fresh.load_state(saved);
  expect_error<ValueError>([&] { fresh.apply(other, gradient(1)); },
                           {"\"wight\"", "did you mean \"weight\""});
  struct Larger {
    Variable weight{full({3}, 1, f64)};
    NACRE_MODULE(weight)
  } larger;
  optim::Adam second;
  second.load_state(saved);
  expect_error<ShapeError>([&] { second.apply(larger, {full({3}, 1, f64)}); },
                           {"first_moment", "weight", "[2]", "[3]"});
  nn::StateMap wrong = saved;
  wrong["first_moment/weight"] = ones({7}, f64);
  expect_error<ShapeError>([&] { adam.load_state(wrong); }, {"first_moment", "[7]"});
  expect_error<ValueError>([&] { adam.load_state({{"rubbish", ones({})}}); }, {"rubbish"});
  expect_error<ValueError>(
      [&] {
        adam.load_state({{"group_rate/*.bias", ones({}, f64)}});
      },
      {"*.bias"});
}

TEST(OptimizerState, RatesOfGroupsAreSaved) {
  Module m(1);
  optim::SGD sgd({.learning_rate = 1});
  sgd.group({.match = "*", .rate_factor = 0.5});
  sgd.apply(m, gradient(1));
  sgd.group({.match = "*", .rate_factor = 0.25});
  optim::SGD other({.learning_rate = 1});
  other.group({.match = "*", .rate_factor = 0.5});
  other.load_state(nn::values_of(sgd.state()));
  EXPECT_EQ(other.groups()[0].rate_factor, 0.25);
  other.apply(m, gradient(1));
  EXPECT_NEAR(first(m.weight), 0.25, 1e-12);
}

TEST(OptimizerSlips, GroupsThatMatchNothing) {
  Module m(1);
  optim::SGD sgd;
  sgd.group({.match = "wieght"});
  expect_error<ValueError>([&] { sgd.apply(m, gradient(1)); }, {"\"wieght\"", "did you mean"});
  EXPECT_EQ(first(m.weight), 1);
  optim::SGD covered;
  covered.group({.match = "*"}).group({.match = "w*", .rate_factor = 0});
  expect_error<ValueError>([&] { covered.apply(m, gradient(1)); }, {"\"w*\"", "no effect"});
  // Frozen parameters may have a group.
  struct Pair {
    Variable x{full({2}, 1, f64)};
    Variable y{full({2}, 1, f64)};
    NACRE_MODULE(x, y)
  } pair;
  pair.y.set_trainable(false);
  optim::SGD later;
  later.group({.match = "y", .rate_factor = 0.1});
  EXPECT_NO_THROW(later.apply(pair, gradient(1)));
  expect_error<ValueError>([] { optim::SGD().group({.rate_factor = -1}); }, {"rate_factor"});
  expect_error<ValueError>([] { optim::SGD().group({.weight_decay = NAN}); }, {"weight_decay"});
}

TEST(OptimizerSlips, AveragesThatAreNotKept) {
  Module m(1);
  optim::SGD sgd;
  expect_error<ValueError>([&] { sgd.swap_averages(nn::parameters(m)); }, {"average_weights"});
  sgd.average_weights();
  expect_error<ValueError>([&] { sgd.swap_averages(nn::parameters(m)); }, {"no step"});
}

TEST(OptimizerSlips, PatternsOfSetTrainable) {
  nn::Sequential net{{"features", nn::Dense{{.units = 2}}}, {"head", nn::Dense{{.units = 2}}}};
  nn::set_trainable(net, "features.*", false);
  net(ones({1, 3}));
  EXPECT_EQ(nn::parameters(net).size(), 2u);
  expect_error<ValueError>([&] { nn::set_trainable(net, "feature.weight", false); },
                           {"feature.weight", "did you mean \"features.weight\""});
  expect_error<ValueError>([&] { nn::set_trainable(net, "nothing", false); }, {"head.bias"});
}

TEST(OptimizerSlips, NamesThatAreNearlyRight) {
  expect_error<ValueError>([] { metric::Metric("acuracy"); }, {"did you mean \"accuracy\""});
  expect_error<ValueError>([] { loss::Loss("mean_squared_eror"); }, {"mean_squared_error"});
  expect_error<ValueError>([] { nn::Initializer("he_norml"); }, {"did you mean \"he_normal\""});
  Logs logs;
  logs.set("val_loss", 1);
  expect_error<ValueError>([&] { logs["val_los"]; }, {"did you mean \"val_loss\""});
  nn::Sequential net{nn::Dense{{.units = 2, .inputs = 2}}};
  expect_error<ValueError>(
      [&] {
        nn::load_state(net, {{"0.wight", ones({2, 2})}}, false);
      },
      {"did you mean \"0.weight\""});
}

TEST(OptimizerSlips, OptionsOfNoUse) {
  using namespace optim;
  EXPECT_THROW(SGD({.dampening = 0.5}), ValueError);
  EXPECT_THROW(Muon({.beta1 = 1}), ValueError);
  EXPECT_THROW(Adagrad({.learning_rate_decay = -1}), ValueError);
  EXPECT_THROW(schedule::cosine({.period_factor = 2}), ValueError);
  EXPECT_THROW(schedule::step_decay(-0.1, 3), ValueError);
  EXPECT_THROW(Schedule("mine", {}), ValueError);
  EXPECT_THROW(Optimizer(nullptr, 0.1, 0), ValueError);
  EXPECT_THROW(LBFGS().minimize({}, {}), ValueError);
  EXPECT_THROW(nn::Dense({.units = 1, .use_bias = false, .bias_initializer = "ones"}), ValueError);
  EXPECT_THROW(
      nn::Conv2d({.filters = 1, .kernel_size = 1, .use_bias = false, .bias_initializer = "ones"}),
      ValueError);
  EXPECT_THROW(nn::Conv2d({.filters = 4, .kernel_size = 1, .depth_multiplier = 2}), ValueError);
  EXPECT_THROW(nn::MaxPool2d({.count_include_pad = true}), ValueError);
  // A schedule that gives 0 cannot be scaled to another rate.
  SGD warm({.learning_rate = schedule::linear_warmup(0.1, 10)});
  expect_error<ValueError>([&] { warm.set_learning_rate(0.5); }, {"set_schedule"});
  warm.set_schedule(0.5);
  EXPECT_EQ(warm.learning_rate(), 0.5);
}

// Norms of gradients whose squares are no f32.
TEST(OptimizerNorms, NeitherOverflowNorUnderflow) {
  for (const DType dtype : {f32, f64}) {
    const double large = dtype == f32 ? 3e20 : 1e200;
    const double small = dtype == f32 ? 1e-30 : 1e-200;
    const auto moved = [&](optim::Optimizer optimizer, double g) {
      struct Pair {
        explicit Pair(DType d) : x(zeros({2}, d)), y(zeros({2}, d)) {}
        Variable x, y;
        NACRE_MODULE(x, y)
      } pair(dtype);
      optimizer.apply(pair, {full({2}, g, dtype), full({2}, -g, dtype)});
      EXPECT_EQ(pair.x.value().to_vector<double>()[0], -pair.y.value().to_vector<double>()[1]);
      return -pair.x.value().to_vector<double>()[0];
    };
    const auto clipped = [](double norm) {
      optim::Optimizer sgd = optim::SGD({.learning_rate = 1});
      sgd.clip_norm(norm);
      return sgd;
    };
    EXPECT_NEAR(moved(clipped(1), large), 0.5, 1e-5);
    EXPECT_NEAR(moved(clipped(1e-3), large), 0.5e-3, 1e-8);
    EXPECT_NEAR(moved(clipped(1), small) / small, 1, 1e-5);
    EXPECT_EQ(moved(clipped(1), 0), 0);
  }
  // The largest f32: the norm of two of them is none.
  Module m(0);
  struct Wide {
    Variable w{zeros({4})};
    NACRE_MODULE(w)
  } wide;
  optim::SGD sgd({.learning_rate = 1});
  sgd.clip_norm(2);
  sgd.apply(wide, {full({4}, 3.4e38)});
  EXPECT_NEAR(wide.w.value().to_vector<float>()[0], -1, 1e-5);
  // Lamb's ratio of norms and Muon's scaled matrix.
  struct Matrix {
    explicit Matrix(double v) : w(full({2, 2}, v)) {}
    Variable w;
    NACRE_MODULE(w)
  };
  Matrix plain(2), huge(2e25);
  optim::Lamb lamb({.learning_rate = 0.1});
  lamb.apply(plain, {full({2, 2}, 1)});
  lamb.apply(huge, {full({2, 2}, 1)});
  EXPECT_NEAR(plain.w.value().to_vector<float>()[0] / 2, 0.9, 1e-5);
  EXPECT_NEAR(huge.w.value().to_vector<float>()[0] / 2e25, 0.9, 1e-5);
  Matrix a(0), b(0);
  optim::Muon muon({.learning_rate = 0.1, .weight_decay = 0});
  muon.apply(a, {tensor({{1, 2}, {3, 5}})});
  muon.apply(b, {tensor({{1, 2}, {3, 5}}) * 1e25});
  for (int i = 0; i < 4; ++i) {
    const auto at = static_cast<std::size_t>(i);
    EXPECT_NEAR(a.w.value().to_vector<float>()[at], b.w.value().to_vector<float>()[at], 1e-5);
  }
}

// New Variables, half of them of one name, and those of a restored state.
TEST(OptimizerState, ManyParametersTakeLinearTime) {
  test::expect_linear(1000, [](int n) {
    std::vector<Variable> variables;
    nn::NamedVariables parameters;
    for (int i = 0; i < n; ++i) {
      variables.emplace_back(ones({1}));
      parameters.push_back({i % 2 ? "weight" : std::to_string(i), variables.back().cell()});
    }
    const Tensors gradients(variables.size(), ones({1}));
    const double begin = test::thread_seconds();
    optim::Adam adam;
    adam.apply(parameters, gradients);
    optim::Adam restored;
    restored.load_state(nn::values_of(adam.state()));
    restored.apply(parameters, gradients);
    return test::thread_seconds() - begin;
  });
}

}  // namespace
}  // namespace nacre
