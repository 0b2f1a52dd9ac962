// Every update rule and schedule against PyTorch's numbers (or the papers' formulas), in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "nacre/nacre.h"

namespace nacre {
namespace {

#include "reference.inc"

struct Problem {
  Variable w{tensor({{0.5, -1, 2}, {1.5, 0.25, -0.75}}, f64)};
  Variable b{tensor({0.1, -0.2, 0.3}, f64)};
  NACRE_MODULE(w, b)
};

Tensor gradient_at(const Tensor& p, const Tensor& t) {
  const Tensor n = reshape(arange(p.elements(), f64), p.shape());
  return 0.5 * sin(n + t) + 0.3 * p;
}

// All parameters after each step, by a step that is compiled once or run eagerly.
std::vector<double> run(optim::Optimizer optimizer, bool compiled) {
  Problem problem;
  const auto step = [&](const Tensor& t) {
    const auto parameters = nn::parameters(problem);
    Tensors gradients;
    for (const auto& p : parameters) gradients.push_back(gradient_at(p.value(), t));
    optimizer.apply(parameters, gradients);
    return Tensors{};
  };
  CompiledFunction plan([&](const Tensors& in) { return step(in[0]); });
  std::vector<double> out;
  for (int t = 0; t < 6; ++t) {
    const Tensor time = Tensor::scalar(t, f64);
    compiled ? plan({time}) : step(time);
    for (const Variable* v : {&problem.w, &problem.b}) {
      for (const double x : v->value().to_vector<double>()) out.push_back(x);
    }
  }
  EXPECT_EQ(plan.statistics().traces, compiled ? 1u : 0u);
  EXPECT_EQ(optimizer.step(), 6);
  return out;
}

std::map<std::string, optim::Optimizer> optimizers() {
  using namespace optim;
  std::map<std::string, Optimizer> all;
  const auto add = [&](const char* name, const Optimizer& o) { all.emplace(name, o); };
  add("sgd", SGD({.learning_rate = 0.1, .weight_decay = 0.01}));
  add("sgd_momentum", SGD({.learning_rate = 0.1, .momentum = 0.9}));
  add("sgd_dampening", SGD({.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.3}));
  add("sgd_nesterov",
      SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.02}));
  add("adam", Adam({.learning_rate = 0.05, .weight_decay = 0.01}));
  add("amsgrad", Adam({.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.6, .amsgrad = true}));
  add("adamw", AdamW({.learning_rate = 0.05, .weight_decay = 0.1}));
  add("rmsprop", RMSprop({.learning_rate = 0.02, .weight_decay = 0.01}));
  add("rmsprop_centered", RMSprop({.learning_rate = 0.02, .momentum = 0.5, .centered = true}));
  add("adagrad",
      Adagrad({.learning_rate = 0.1, .learning_rate_decay = 0.1, .initial_accumulator = 0.2}));
  add("adadelta", Adadelta({.weight_decay = 0.01}));
  add("lion", Lion({.learning_rate = 0.01, .weight_decay = 0.1}));
  add("lamb", Lamb({.learning_rate = 0.01, .weight_decay = 0.1}));
  add("muon", Muon({.learning_rate = 0.02}));
  return all;
}

TEST(Optimizers, EqualTheReferenceStepByStep) {
  const auto all = optimizers();
  ASSERT_EQ(all.size(), kOptimizers.size());
  for (const auto& [name, expected] : kOptimizers) {
    for (const bool compiled : {false, true}) {
      const std::vector<double> got = run(all.at(name), compiled);
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], 1e-11)
            << name << " step " << i / 9 << (compiled ? " compiled" : " eager");
      }
    }
  }
}

TEST(Schedules, EqualTheReference) {
  using namespace optim::schedule;
  const std::map<std::string, optim::Schedule> all = {
      {"step", step_decay(0.1, 7, 0.5)},
      {"exponential", exponential(0.1, 0.9)},
      {"cosine", cosine({.rate = 0.1, .steps = 29, .minimum = 0.01})},
      {"restarts", cosine({.rate = 0.1, .steps = 10, .minimum = 0.01, .restarts = true})},
      {"restarts_growing", cosine({.rate = 0.1, .steps = 4, .restarts = true, .period_factor = 2})},
      {"one_cycle", one_cycle({.maximum = 0.1, .steps = 30})},
      {"polynomial", polynomial(0.1, 20, 0, 2)},
  };
  for (const auto& [name, expected] : kSchedules) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(all.at(name).at(static_cast<std::int64_t>(i)), expected[i], 1e-12)
          << name << " step " << i;
    }
  }
  const optim::Schedule warm = linear_warmup(0.1, 4);
  EXPECT_NEAR(warm.at(0), 0, 1e-15);
  EXPECT_NEAR(warm.at(2), 0.05, 1e-15);
  EXPECT_NEAR(warm.at(9), 0.1, 1e-15);
}

TEST(Optimizer, ScheduleRunsWithinOneCompiledStep) {
  Problem problem;
  optim::SGD sgd({.learning_rate = optim::schedule::step_decay(1, 2, 0.5)});
  CompiledFunction step([&](const Tensors&) {
    const auto parameters = nn::parameters(problem);
    Tensors ones;
    for (const auto& p : parameters) ones.push_back(ones_like(p.value()));
    sgd.apply(parameters, ones);
    return Tensors{};
  });
  const double before = problem.b.value().to_vector<double>()[0];
  for (int i = 0; i < 4; ++i) step({});
  EXPECT_NEAR(before - problem.b.value().to_vector<double>()[0], 1 + 1 + 0.5 + 0.5, 1e-12);
  EXPECT_EQ(step.statistics().traces, 1u);
  EXPECT_DOUBLE_EQ(sgd.learning_rate(), 0.5);
}

TEST(Optimizer, ClipsByNormAndByValue) {
  Problem problem;
  optim::SGD sgd({.learning_rate = 1});
  sgd.clip_norm(1);
  const auto parameters = nn::parameters(problem);
  const Tensors gradients{full({2, 3}, 3, f64), full({3}, 4, f64)};
  const double norm = std::sqrt(6 * 9.0 + 3 * 16.0);
  const double before = problem.b.value().to_vector<double>()[0];
  sgd.apply(parameters, gradients);
  EXPECT_NEAR(before - problem.b.value().to_vector<double>()[0], 4 / norm, 1e-6);

  optim::SGD limited({.learning_rate = 1});
  limited.clip_value(0.5);
  const double now = problem.b.value().to_vector<double>()[0];
  limited.apply(parameters, gradients);
  EXPECT_NEAR(now - problem.b.value().to_vector<double>()[0], 0.5, 1e-12);
}

TEST(Optimizer, NonFiniteGradientNamesTheParameter) {
  Problem problem;
  optim::SGD sgd;
  sgd.clip_norm(1);
  try {
    sgd.apply(nn::parameters(problem), {zeros({2, 3}, f64), full({3}, std::nan(""), f64)});
    FAIL() << "no error";
  } catch (const GradientError& e) {
    EXPECT_NE(std::string(e.what()).find("\"b\""), std::string::npos) << e.what();
  }
}

TEST(Optimizer, GroupsChangeRateAndDecayAndFreeze) {
  Problem problem;
  optim::SGD sgd({.learning_rate = 1});
  sgd.group({.match = "b", .rate_factor = 0.5}).group({.match = "w*", .rate_factor = 0});
  const double w = problem.w.value().to_vector<double>()[0];
  const double b = problem.b.value().to_vector<double>()[0];
  sgd.apply(nn::parameters(problem), {ones({2, 3}, f64), ones({3}, f64)});
  EXPECT_EQ(problem.w.value().to_vector<double>()[0], w);
  EXPECT_NEAR(b - problem.b.value().to_vector<double>()[0], 0.5, 1e-12);
}

TEST(Optimizer, AccumulationIsTheMean) {
  Problem problem;
  optim::SGD sgd({.learning_rate = 1});
  const auto parameters = nn::parameters(problem);
  const double b = problem.b.value().to_vector<double>()[0];
  sgd.accumulate(parameters, {zeros({2, 3}, f64), full({3}, 1, f64)});
  sgd.accumulate(parameters, {zeros({2, 3}, f64), full({3}, 3, f64)});
  sgd.apply(parameters, {zeros({2, 3}, f64), full({3}, 5, f64)});
  EXPECT_NEAR(b - problem.b.value().to_vector<double>()[0], 3, 1e-12);
  sgd.apply(parameters, {zeros({2, 3}, f64), full({3}, 1, f64)});
  EXPECT_NEAR(b - problem.b.value().to_vector<double>()[0], 4, 1e-12);
}

TEST(Optimizer, AveragesWeights) {
  Problem problem;
  optim::SGD sgd({.learning_rate = 1});
  sgd.average_weights(0.5);
  const auto parameters = nn::parameters(problem);
  const double b = problem.b.value().to_vector<double>()[0];
  sgd.apply(parameters, {zeros({2, 3}, f64), ones({3}, f64)});
  sgd.apply(parameters, {zeros({2, 3}, f64), ones({3}, f64)});
  sgd.swap_averages(parameters);
  // b, then b - 1, b - 2: 0.5 (0.5 b + 0.5 (b - 1)) + 0.5 (b - 2).
  EXPECT_NEAR(problem.b.value().to_vector<double>()[0], b - 1.25, 1e-12);
  sgd.swap_averages(parameters);
  EXPECT_NEAR(problem.b.value().to_vector<double>()[0], b - 2, 1e-12);
}

TEST(Optimizer, StateRestoresExactly) {
  Problem problem;
  optim::Adam adam({.learning_rate = 0.1});
  const auto parameters = nn::parameters(problem);
  const auto step = [&](optim::Optimizer& o, Problem& p, int t) {
    Tensors gradients;
    for (const auto& v : nn::parameters(p)) {
      gradients.push_back(gradient_at(v.value(), Tensor::scalar(t, f64)));
    }
    o.apply(nn::parameters(p), gradients);
  };
  for (int t = 0; t < 3; ++t) step(adam, problem, t);
  const nn::StateMap saved = nn::values_of(adam.state());
  Problem twin = problem;
  optim::Adam other({.learning_rate = 0.5});
  other.load_state(saved);
  for (int t = 3; t < 6; ++t) {
    step(adam, problem, t);
    step(other, twin, t);
  }
  EXPECT_EQ(problem.w.value().to_vector<double>(), twin.w.value().to_vector<double>());
}

TEST(Optimizer, RefusesWrongArguments) {
  EXPECT_THROW(optim::Adam({.beta1 = 1}), ValueError);
  EXPECT_THROW(optim::SGD({.nesterov = true}), ValueError);
  EXPECT_THROW(optim::SGD({.learning_rate = -1}), ValueError);
  EXPECT_THROW(optim::SGD().clip_norm(0), ValueError);
  Problem problem;
  EXPECT_THROW(optim::SGD().apply(nn::parameters(problem), {}), ShapeError);
}

}  // namespace
}  // namespace nacre
