// A compiled step is traced again when anything it has read is something else: flags, layers,
// Variables, options of the optimizer. What is data needs no new trace.
#include <gtest/gtest.h>

#include <functional>

#include "nacre/nacre.h"
#include "nacre/run/setting.h"

namespace nacre {
namespace {

std::vector<float> values(const Variable& v) { return v.value().to_vector<float>(); }

struct Net {
  nn::Dense hidden{{.units = 3, .activation = tanh}};
  nn::Dense output{{.units = 1}};
  NACRE_MODULE(hidden, output)
  Tensor operator()(const Operand& x) { return output(hidden(x)); }
};

const Tensor& samples() {
  static const Tensor x = tensor({{0.5, -1}, {1, 0.25}});
  return x;
}

// Trains by one compiled step.
struct Trainer {
  Net net;
  optim::Optimizer optimizer = optim::SGD({.learning_rate = 0.1});
  CompiledFunction step{[this](const Tensors& in) -> Tensors {
    const auto [value, gradients] =
        value_and_grad([&] { return mean(square(net(in[0]) - 1)); }, net)();
    optimizer.apply(net, gradients);
    return {value};
  }};
  double run() { return step({samples()})[0].item<double>(); }
  std::size_t traces() const { return step.statistics().traces; }
};

TEST(StaleStep, FreezingAfterAStepCounts) {
  Trainer t;
  t.run();
  nn::set_trainable(t.net.hidden, false);
  const auto hidden = values(t.net.hidden.weight);
  const auto output = values(t.net.output.weight);
  t.run();
  EXPECT_EQ(values(t.net.hidden.weight), hidden);
  EXPECT_NE(values(t.net.output.weight), output);
  // Both plans are kept: a network that freezes and thaws in turns is traced twice.
  for (int i = 0; i < 3; ++i) {
    nn::set_trainable(t.net.hidden, true);
    t.run();
    EXPECT_NE(values(t.net.hidden.weight), hidden);
    nn::set_trainable(t.net.hidden, false);
    t.run();
  }
  EXPECT_LE(t.traces(), 3u);
}

TEST(StaleStep, FreezingBeforeTheFirstCallCounts) {
  const auto check = [](auto layer, const Tensor& x) {
    nn::set_trainable(layer, false);
    layer(x);
    EXPECT_TRUE(nn::parameters(layer).empty()) << layer.kind();
    for (const auto& v : nn::state(layer)) EXPECT_FALSE(v.cell->trainable) << v.name;
  };
  const Tensor picture = ones({2, 4, 5, 5});
  check(nn::Dense{{.units = 2}}, ones({2, 3}));
  check(nn::Conv2d{{.filters = 2, .kernel_size = 3}}, picture);
  check(nn::ConvTranspose2d{{.filters = 2, .kernel_size = 3}}, picture);
  check(nn::BatchNorm{}, picture);
  check(nn::LayerNorm{}, picture);
  check(nn::GroupNorm{{.groups = 2}}, picture);
  check(nn::RMSNorm{}, picture);
  check(nn::PReLU{}, picture);
  check(nn::Embedding{{.inputs = 3, .units = 2}}, zeros({2}, i64));
  // A module of the program's own that makes its Variable late.
  Variable late;
  late.set_trainable(false);
  late = Variable(ones({2}), "late");
  EXPECT_FALSE(late.trainable());
}

TEST(StaleStep, OneFrozenVariableOfABatchNormDoesNotFreezeTheOther) {
  nn::BatchNorm norm;
  norm.bias.set_trainable(false);
  norm(ones({2, 3}));
  EXPECT_TRUE(norm.weight.trainable());
  EXPECT_FALSE(norm.bias.trainable());
}

TEST(StaleStep, AChangedRateOfAGroupIsData) {
  Trainer t;
  t.optimizer.group({.match = "hidden.*", .rate_factor = 1});
  t.run();
  const auto moved = [&](double factor) {
    t.optimizer.group({.match = "hidden.*", .rate_factor = factor});
    const auto before = values(t.net.hidden.weight);
    const auto gradient = [&] {
      const auto [value, gradients] =
          value_and_grad([&] { return mean(square(t.net(samples()) - 1)); }, t.net)();
      return gradients[0].to_vector<float>()[0];
    }();
    t.run();
    EXPECT_NEAR(before[0] - values(t.net.hidden.weight)[0], 0.1 * factor * gradient, 1e-6);
  };
  for (const double factor : {0.5, 0.25, 2.0, 1.0}) moved(factor);
  EXPECT_EQ(t.traces(), 1u);
  // Frozen: without an update, and from then on with a count of steps of its own.
  moved(0);
  moved(0.5);
  const std::size_t traces = t.traces();
  EXPECT_LE(traces, 3u);
  for (const double factor : {0.0, 2.0, 0.0, 0.5}) moved(factor);
  EXPECT_EQ(t.traces(), traces);
  EXPECT_EQ(t.optimizer.groups().size(), 1u);
}

TEST(StaleStep, OptionsOfTheOptimizerCount) {
  const auto changes = [](const char* what, const std::function<void(Trainer&)>& change) {
    Trainer stays;
    Trainer changed;
    changed.net = stays.net;
    for (Trainer* t : {&stays, &changed}) {
      t->optimizer.group({.match = "hidden.*", .weight_decay = 0});
      t->run();
    }
    EXPECT_EQ(values(stays.net.hidden.weight), values(changed.net.hidden.weight)) << what;
    change(changed);
    stays.run();
    changed.run();
    EXPECT_NE(values(stays.net.hidden.weight), values(changed.net.hidden.weight)) << what;
  };
  changes("clip_norm", [](Trainer& t) { t.optimizer.clip_norm(1e-4); });
  changes("clip_value", [](Trainer& t) { t.optimizer.clip_value(1e-4); });
  changes("weight_decay",
          [](Trainer& t) { t.optimizer.group({.match = "hidden.*", .weight_decay = 0.5}); });
  changes("a new group", [](Trainer& t) {
    t.optimizer = optim::SGD({.learning_rate = 0.1});
    t.optimizer.group({.match = "*", .rate_factor = 0.1});
  });
  changes("set_learning_rate", [](Trainer& t) { t.optimizer.set_learning_rate(0.01); });
  changes("set_schedule",
          [](Trainer& t) { t.optimizer.set_schedule(optim::schedule::step_decay(0.01, 5)); });
  changes("another optimizer", [](Trainer& t) { t.optimizer = optim::Adam(); });
}

TEST(StaleStep, AveragesThatAreAskedForLaterAreKept) {
  Trainer t;
  t.run();
  t.optimizer.average_weights(0.5);
  t.run();
  const auto weights = values(t.net.hidden.weight);
  t.optimizer.swap_averages(nn::parameters(t.net));
  EXPECT_NE(values(t.net.hidden.weight), weights);
}

TEST(StaleStep, GradientsThatWereGatheredLaterAreTaken) {
  Trainer t;
  t.run();
  nn::NamedVariables parameters = nn::parameters(t.net);
  Tensors large;
  for (const auto& p : parameters) large.push_back(full_like(p.value(), 1000));
  t.optimizer.accumulate(parameters, large);
  const auto before = values(t.net.hidden.weight);
  t.run();
  EXPECT_NEAR(before[0] - values(t.net.hidden.weight)[0], 0.1 * 500, 1);
}

TEST(StaleStep, ReplacedLayersAndVariablesCount) {
  Trainer t;
  t.run();
  const Net copy = t.net;
  t.run();
  const double after_two = t.run();
  t.net = copy;  // other Variables with the values of after one step
  t.run();
  EXPECT_EQ(t.run(), after_two);
  t.net.output = nn::Dense{{.units = 1, .use_bias = false}};
  t.run();
  const auto fresh = values(t.net.output.weight);
  t.run();
  EXPECT_NE(values(t.net.output.weight), fresh);
}

TEST(StaleStep, ALayerWithoutVariablesCountsToo) {
  nn::Sequential net{[](const Tensor& x) { return x * 2; }, nn::Dropout{{.rate = 0.5}}};
  auto call = compile([&](const Tensor& x) { return net(x); });
  const Tensor x = ones({4});
  EXPECT_EQ(call(x)[0].item(), 2) << "unchanged";
  net[0] = [](const Tensor& y) { return y * 3; };
  EXPECT_EQ(call(x)[0].item(), 3);
  net.push_back([](const Tensor& y) { return y + 1; });
  EXPECT_EQ(call(x)[0].item(), 4);
  EXPECT_EQ(call(x)[0].item(), 4);
  EXPECT_EQ(call.function().statistics().traces, 3u);
  // Another rate.
  nn::Dropout drop{{.rate = 0.1}};
  auto train = compile([&](const Tensor& y) {
    const TrainingScope mode;
    return drop(y);
  });
  const Tensor many = ones({1000});
  EXPECT_GT(mean(equal(train(many), 0).to(f32)).item(), 0.02);
  EXPECT_LT(mean(equal(train(many), 0).to(f32)).item(), 0.3);
  drop = nn::Dropout{{.rate = 0.9}};
  EXPECT_GT(mean(equal(train(many), 0).to(f32)).item(), 0.7);
}

TEST(StaleStep, AVariableThatIsOnlyWrittenCountsToo) {
  Variable last(zeros({}), "last");
  auto step = compile([&](const Tensor& x) {
    last.assign(sum(x));
    return x;
  });
  step(ones({3}));
  last = Variable(zeros({}), "another");
  step(ones({4}));
  EXPECT_EQ(last.value().item(), 4);
  step(ones({3}));
  EXPECT_EQ(last.value().item(), 3);
}

TEST(StaleStep, HandlesComeAndGo) {
  Trainer t;
  t.run();
  for (int i = 0; i < 3; ++i) {
    for (const auto& p : nn::parameters(t.net)) {
      Variable handle = p.variable();
      std::vector<Variable> list;
      list.push_back(p.variable());
      handle = p.variable();
    }
    t.run();
  }
  EXPECT_EQ(t.traces(), 1u);
}

TEST(StaleStep, ConstantsOfOtherTypesAndSignsAreOthers) {
  auto f = compile([](const Tensor& x, auto n) {
    if constexpr (std::is_same_v<decltype(n), bool>) {
      return x * 10;
    } else {
      return x / n;
    }
  });
  const Tensor x = ones({1});
  EXPECT_EQ(f(x, 2).item(), 0.5);
  EXPECT_EQ(f(x, 1).item(), 1);
  EXPECT_EQ(f(x, true).item(), 10);
  EXPECT_GT(f(x, 0.0).item(), 0);
  EXPECT_LT(f(x, -0.0).item(), 0);
}

TEST(StaleStep, ASettingOfTheProgramsOwnCounts) {
  double factor = 2;
  Setting setting;
  auto f = compile([&](const Tensor& x) {
    setting.note();
    return x * factor;
  });
  EXPECT_EQ(f(ones({1})).item(), 2);
  factor = 5;
  setting.renew();
  EXPECT_EQ(f(ones({1})).item(), 5);
  EXPECT_EQ(f(ones({1})).item(), 5);
  EXPECT_EQ(f.function().statistics().traces, 2u);
}

TEST(StaleStep, TheStepsOfAModelSeeTheSame) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  const Tensor y = tensor({{1}, {2}});
  Model model{
      nn::Sequential{{"features", nn::Dense{{.units = 3}}}, {"head", nn::Dense{{.units = 1}}}}};
  model.compile({.optimizer = optim::SGD({.learning_rate = 0.01}), .loss = loss::mse()});
  const FitOptions once{.batch_size = 2, .verbose = 0};
  const auto weights = [&](std::size_t i) {
    return model.state()[i].cell->value.to_vector<float>();
  };
  nn::set_trainable(model.network(), "features.*", false);
  model.fit(x, y, once);
  const auto features = weights(0);
  const auto head = weights(2);
  model.fit(x, y, once);
  EXPECT_EQ(weights(0), features);
  EXPECT_NE(weights(2), head);
  nn::set_trainable(model.network(), true);
  model.optimizer().group({.match = "head.*", .rate_factor = 0});
  const auto before = weights(2);
  model.fit(x, y, once);
  EXPECT_NE(weights(0), features);
  EXPECT_EQ(weights(2), before);
  model.optimizer() = optim::SGD({.learning_rate = 0});
  const auto still = weights(0);
  model.fit(x, y, once);
  EXPECT_EQ(weights(0), still);
}

// Which tensors are inputs is not told by their shapes.
TEST(StaleStep, InputsTargetsAndWeightsAreToldApart) {
  Model model{[](const Tensors& in) { return in.size() == 1 ? in[0] : in[0] * in[1]; }};
  model.compile({.loss = loss::mse()});
  const Tensor a = full({4}, 1);
  const Tensor b = full({4}, 3);
  EXPECT_NEAR(model.evaluate({a}, b, {.sample_weights = full({4}, 2)})["loss"], 4, 1e-6);
  EXPECT_NEAR(model.evaluate({a, b}, full({4}, 2))["loss"], 1, 1e-6);
}

}  // namespace
}  // namespace nacre
