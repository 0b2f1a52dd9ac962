// Targets that cannot be meant, predictions of 16-bit floats, and losses by name.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using loss::Loss;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Tensor logits() { return tensor({{1, 2, 0.5}, {0, -1, 3}, {2, 2, 1}, {0, 0, 1}}); }

// The same error at once, in a trace, and under a gradient.
void expect_refused(const Loss& l, const Tensor& p, const Tensor& t,
                    const std::vector<std::string>& parts) {
  const auto f = [&l](const Tensor& x, const Tensor& y) { return l(x, y); };
  const auto traced = compile(f);
  const auto slope = compile(value_and_grad([&](const Tensor& x) { return l(x, t); }));
  for (const std::string& text : {test::text_of<ValueError>([&] { f(p, t); }),
                                  test::text_of<ValueError>([&] { traced(p, t); }),
                                  test::text_of<ValueError>([&] { slope(p); })}) {
    for (const std::string& part : parts) {
      EXPECT_NE(text.find(part), std::string::npos)
          << l.name() << ": \"" << part << "\" is missing in: " << text;
    }
  }
}

TEST(BadTargets, OfClassesAreErrorsWithRowAndValue) {
  for (const Loss& l : {loss::sparse_categorical_crossentropy({.from_logits = true}),
                        loss::sparse_categorical_focal({.from_logits = true}),
                        loss::sparse_categorical_crossentropy(), loss::nll()}) {
    const Tensor p = softmax(logits());
    EXPECT_NO_THROW(l(p, tensor({0, 1, -100, 2})));
    EXPECT_NO_THROW(l(p, tensor({0, 1, -100, 2}, i64)));
    expect_refused(l, p, tensor({0, 1, 2, 3}), {"row 3", "is 3", "a class from 0 to 2"});
    expect_refused(l, p, tensor({0, -1, 2, 0}), {"row 1", "is -1"});
    expect_refused(l, p, tensor({0.5, 1, 2, 0}), {"row 0", "is 0.5"});
    expect_refused(l, p, tensor({0, 1, kNan, 0}), {"row 2", "is nan"});
    expect_refused(l, p, tensor({0, 1, 2, 3}, i64), {"3"});
    expect_refused(l, p, tensor({0, -1, 2, 0}, i32), {"-1"});
  }
  // Positions are named too.
  const Tensor p = zeros({2, 3, 4});
  expect_refused(loss::sparse_categorical_crossentropy({.from_logits = true}), p,
                 tensor({{0, 1, 2}, {3, 9, 0}}, i64), {"row 1 (element [1,1])", "is 9"});
  expect_refused(loss::ctc(), zeros({2, 7, 4}), tensor({{1, 2, -1}, {3, 0.5, -1}}),
                 {"row 1", "0.5"});
}

TEST(BadTargets, ThatAreNoProbabilitiesAreErrors) {
  const Tensor p = full({2, 2}, 0.25);
  for (const Loss& l :
       {loss::binary_crossentropy(), loss::binary_crossentropy({.from_logits = true}),
        loss::categorical_crossentropy(), loss::categorical_crossentropy({.from_logits = true}),
        loss::binary_focal(), loss::binary_focal({.from_logits = true}), loss::kl_divergence(),
        loss::categorical_hinge()}) {
    EXPECT_NO_THROW(l(p, tensor({{0, 1}, {1, 0}}))) << l.name();
    EXPECT_NO_THROW(l(p, tensor({{1.0005, -0.0005}, {1, 0}}))) << l.name();  // of a sum
    EXPECT_NO_THROW(l(p, tensor({{0, 1}, {1, 0}}, boolean))) << l.name();
    expect_refused(l, p, tensor({{0, 1}, {1.5, 0}}), {l.name(), "row 1 (element [1,0])", "1.5"});
    expect_refused(l, p, tensor({{0, -1}, {1, 0}}), {l.name(), "row 0", "-1"});
    expect_refused(l, p, tensor({{0, 1}, {1, kNan}}), {l.name(), "row 1", "nan"});
    expect_refused(l, p, tensor({{0, 2}, {1, 0}}, i64), {l.name(), "row 0", "2"});
  }
  for (const Loss& l : {loss::hinge(), loss::squared_hinge()}) {
    EXPECT_NO_THROW(l(p, tensor({{0, 1}, {-1, 0}}))) << l.name();
    expect_refused(l, p, tensor({{0, 1}, {2, 0}}), {l.name(), "row 1", "-1, 0 or 1"});
  }
}

// A gradient in the targets (as for a teacher's answers) passes the check.
TEST(BadTargets, TargetsHaveGradients) {
  const Tensor p = tensor({{0.25, 0.5}});
  const auto f = [&](const Tensor& t) { return loss::binary_crossentropy()(p, t); };
  const auto g = grad(f)(tensor({{0.5, 1}})).to_vector<float>();
  EXPECT_NEAR(g[0], (std::log(0.75) - std::log(0.25)) / 2, 1e-6);
  EXPECT_NEAR(g[1], 0, 1e-6);
}

TEST(BadTargets, InFitNameTheRow) {
  Model model{nn::Sequential{nn::Dense{{.units = 3}}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy({.from_logits = true})});
  test::expect_error<ValueError>(
      [&] {
        model.fit(ones({4, 2}), tensor({0, 1, 5, 2}), {.shuffle = false, .verbose = 0});
      },
      {"row 2", "is 5", "a class from 0 to 2"});
}

struct Sample {
  Tensor prediction;
  Tensor target;
};

// Something that each kind of loss takes.
Sample sample_of(const std::string& name) {
  const Tensor x = tensor({{0.3, 1.2, -0.7}, {0.1, 0.2, 0.9}, {-1, 2, 0.4}, {0.5, 0, 0.25}});
  const Tensor p = softmax(x);
  const Tensor numbers = tensor({0, 2, 1, 1}, i64);
  if (name == "ctc") return {stack({x, x * 2, x - 1}, 1), tensor({{1}, {2}, {1}, {1}}, i64)};
  if (name == "triplet") return {stack({x, x * 2, x - 1}, 1), zeros({4})};
  if (name == "nll") return {log(p), numbers};
  if (name.starts_with("sparse")) return {p, numbers};
  return {p, one_hot(numbers, 3)};
}

struct Named {
  Loss plain;         // made by its function without arguments
  Loss with_options;  // and with default options, or arguments as documented
};

std::map<std::string, Named> functions() {
  const loss::CrossentropyOptions cross;
  const loss::FocalOptions focal;
  return {{"mse", {loss::mse(), loss::mse()}},
          {"mean_squared_error", {loss::mse(), loss::mse()}},
          {"mae", {loss::mae(), loss::mae()}},
          {"mean_absolute_error", {loss::mae(), loss::mae()}},
          {"huber", {loss::huber(), loss::huber(1)}},
          {"log_cosh", {loss::log_cosh(), loss::log_cosh()}},
          {"binary_crossentropy", {loss::binary_crossentropy(), loss::binary_crossentropy(cross)}},
          {"categorical_crossentropy",
           {loss::categorical_crossentropy(), loss::categorical_crossentropy(cross)}},
          {"sparse_categorical_crossentropy",
           {loss::sparse_categorical_crossentropy(), loss::sparse_categorical_crossentropy(cross)}},
          {"nll", {loss::nll(), loss::nll()}},
          {"kl_divergence", {loss::kl_divergence(), loss::kl_divergence()}},
          {"hinge", {loss::hinge(), loss::hinge()}},
          {"squared_hinge", {loss::squared_hinge(), loss::squared_hinge()}},
          {"categorical_hinge", {loss::categorical_hinge(), loss::categorical_hinge()}},
          {"cosine_similarity", {loss::cosine_similarity(), loss::cosine_similarity()}},
          {"binary_focal", {loss::binary_focal(), loss::binary_focal(focal)}},
          {"sparse_categorical_focal",
           {loss::sparse_categorical_focal(), loss::sparse_categorical_focal(focal)}},
          {"contrastive", {loss::contrastive(), loss::contrastive(1)}},
          {"triplet", {loss::triplet(), loss::triplet(1)}},
          {"ctc", {loss::ctc(), loss::ctc(loss::CtcLossOptions{})}}};
}

std::vector<std::string> names_of_losses() {
  std::vector<std::string> names;
  try {
    Loss("no such loss");
  } catch (const ValueError& e) {
    const std::string text = e.what();
    std::size_t at = text.find("there are ") + 10;
    while (at < text.size()) {
      const std::size_t end = std::min(text.find(", ", at), text.size());
      names.push_back(text.substr(at, end - at));
      at = end + 2;
    }
  }
  return names;
}

TEST(NamedLosses, HaveTheDefaultsOfTheirFunctions) {
  const std::vector<std::string> names = names_of_losses();
  const auto all = functions();
  ASSERT_EQ(names.size(), all.size());
  for (const std::string& name : names) {
    ASSERT_EQ(all.count(name), 1u) << name;
    const Sample s = sample_of(name);
    const Loss named(name);
    const Tensor expected = named.values(s.prediction, s.target);
    for (const Loss& other : {all.at(name).plain, all.at(name).with_options}) {
      EXPECT_EQ(other.name(), named.name());
      EXPECT_EQ(other.reduction(), named.reduction());
      EXPECT_EQ(other.traits().from_logits, named.traits().from_logits) << name;
      EXPECT_EQ(other.traits().ignore_index, named.traits().ignore_index) << name;
      EXPECT_EQ(other.values(s.prediction, s.target).to_vector<float>(),
                expected.to_vector<float>())
          << name;
    }
  }
  // One option changes that one alone.
  const Sample s = sample_of("sparse_categorical_focal");
  EXPECT_EQ(loss::sparse_categorical_focal({.gamma = 2})(s.prediction, s.target).item(),
            loss::sparse_categorical_focal()(s.prediction, s.target).item());
}

// Each loss of 16-bit predictions is that of the same numbers in f32, and comes in f32.
TEST(NarrowPredictions, AreComputedInF32) {
  for (const std::string& name : names_of_losses()) {
    const Loss l(name);
    for (const DType d : {f16, bf16}) {
      const Sample s = sample_of(name);
      const Tensor narrow = s.prediction.to(d);
      const Tensor wide = narrow.to(f32);
      const auto f = [&](const Tensor& x) { return l(x, s.target); };
      const auto [expected, slope] = value_and_grad(f)(wide);
      const auto [value, narrow_slope] = value_and_grad(f)(narrow);
      EXPECT_EQ(value.dtype(), f32) << name;
      EXPECT_EQ(value.item(), expected.item()) << name << name_of(d);
      EXPECT_EQ(narrow_slope.dtype(), d) << name;
      EXPECT_EQ(narrow_slope.to_vector<float>(), slope.to(d).to_vector<float>()) << name;
      EXPECT_NEAR(compile(f)(narrow).item(), expected.item(), 1e-6) << name;
    }
  }
}

TEST(NarrowPredictions, DoNotOverflow) {
  // 300^2 is no f16, and neither is the sum of 100 losses of 1000.
  EXPECT_FLOAT_EQ(loss::mse()(full({4, 1}, 300, f16), zeros({4, 1})).item(), 90000);
  EXPECT_FLOAT_EQ(
      loss::mae().with(loss::Reduction::sum)(full({100, 1}, 1000, f16), zeros({100, 1})).item(),
      100000);
  // A custom loss sees f32, too.
  const Loss own([](const Tensor& p, const Tensor& t) { return mean(square(p - t)); });
  EXPECT_FLOAT_EQ(own(full({4, 1}, 300, f16), zeros({4, 1}, f16)).item(), 90000);
}

// Behind probabilities of 16 bits there are still logits.
TEST(NarrowPredictions, FindTheLogitsBehindProbabilities) {
  const Tensor numbers = tensor({1}, i64);
  const auto f = [&](const Tensor& x) {
    return loss::sparse_categorical_crossentropy()(softmax(x), numbers);
  };
  const auto [value, slope] = value_and_grad(f)(tensor({{120, 0}}, bf16));
  EXPECT_FLOAT_EQ(value.item(), 120);
  EXPECT_EQ(slope.to_vector<float>(), (std::vector<float>{1, -1}));
}

TEST(LossOverflow, WhatIsRepresentableIsFinite) {
  const Tensor far = tensor({{3e38}});
  EXPECT_NEAR(loss::log_cosh()(-far, zeros({1, 1})).item() / 3e38, 1, 1e-6);
  EXPECT_NEAR(loss::huber()(far, zeros({1, 1})).item() / 3e38, 1, 1e-6);
  const Tensor a = tensor({{1e25, 0}, {3e30, 4e30}});
  const Tensor b = tensor({{1e25, 1e25}, {4e30, 3e30}});
  EXPECT_NEAR(loss::cosine_similarity()(a, b).item(), -(std::sqrt(0.5) + 0.96) / 2, 1e-6);
  const auto slope = grad([&](const Tensor& x) { return loss::cosine_similarity()(x, b); })(a * 1);
  EXPECT_EQ(first_non_finite({slope}).item<std::int64_t>(), -1);
  const Tensor triple = tensor({{{0, 0}, {3e25, 4e25}, {0, 1e25}}});
  EXPECT_NEAR(loss::triplet()(triple, zeros({1})).item() / 4e25, 1, 1e-6);
  // The mean of losses near the largest number, and of smoothed targets of such logits.
  EXPECT_NEAR(loss::mae()(full({8, 1}, 3e38), zeros({8, 1})).item() / 3e38, 1, 1e-6);
  EXPECT_TRUE(std::isfinite(
      loss::sparse_categorical_crossentropy({.from_logits = true, .label_smoothing = 0.1})(
          full({1, 64}, 3e38), zeros({1}).to(i64))
          .item()));
}

}  // namespace
}  // namespace nacre
