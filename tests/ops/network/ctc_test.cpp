// ctc_loss against PyTorch's values, against the sum over all paths, and on long sequences.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

#include "tests/loss/ctc_reference.inc"

using test::expect_error;

struct Batch {
  Tensor logits = Tensor::from(kLogits, {5, 30, 6});
  Tensor labels = Tensor::from(kLabels, {5, 7});
  Tensor steps = Tensor::from(kSteps);
  Tensor ct = Tensor::from(kCt);
};

void expect_near(const Tensor& t, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> values = t.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], tolerance) << i;
}

TEST(Ctc, EqualsPyTorch) {
  for (const DType dtype : {f64, f32}) {
    const Batch b;
    const double tolerance = dtype == f64 ? 1e-9 : 2e-5;
    const auto weighed = [&](const Tensor& x) {
      const Tensor losses = ctc_loss(x, b.labels, {}, b.steps);
      return sum(where(is_inf(losses), zeros_like(losses), losses * b.ct.to(dtype)));
    };
    const Tensor x = b.logits.to(dtype);
    const auto run = compile([&](const Tensor& t) {
      const auto [value, gradient] = value_and_grad(weighed)(t);
      return gradient;
    });
    expect_near(run(x), kGradient, tolerance);
    std::vector<double> losses = ctc_loss(x, b.labels, {}, b.steps).to_vector<double>();
    EXPECT_TRUE(std::isinf(losses[4])) << "two steps are too few for 2 2";
    losses[4] = 0;
    expect_near(Tensor::from(losses), kLosses, 20 * tolerance);
  }
}

// By its definition: the sum over all paths that collapse to the labels.
TEST(Ctc, IsTheSumOverAllPaths) {
  constexpr int kTime = 5, kClasses = 3, kBlank = 1;
  const Tensor x = nn::init::normal(0, 1.5, 5)({1, kTime, kClasses}).to(f64);
  const std::vector<double> p = softmax(x).to_vector<double>();
  for (const std::vector<std::int64_t>& labels :
       {std::vector<std::int64_t>{}, {0}, {0, 2}, {2, 2}, {0, 0, 0}}) {
    double total = 0;
    for (int path = 0; path < 243; ++path) {
      double probability = 1;
      std::vector<std::int64_t> said;
      int before = -1;
      for (int t = 0, rest = path; t < kTime; ++t, rest /= 3) {
        const int k = rest % 3;
        probability *= p[static_cast<std::size_t>(t * kClasses + k)];
        if (k != kBlank && k != before) said.push_back(k);
        before = k;
      }
      if (said == labels) total += probability;
    }
    std::vector<std::int64_t> row = labels;
    row.resize(3, -1);
    const Tensor loss = ctc_loss(x, Tensor::from(row, {1, 3}), {.blank = kBlank});
    EXPECT_NEAR(loss.item<double>(), -std::log(total), 1e-12);
  }
}

TEST(Ctc, ConfidentNetworksLoseNothingToUnderflow) {
  // Every label has a probability of about exp(-200) at every step.
  Tensor x = Tensor::from(std::vector<double>(40 * 4, -200.0), {1, 40, 4});
  std::vector<double> values = x.to_vector<double>();
  for (std::size_t t = 0; t < 40; ++t) values[4 * t] = 0;
  x = Tensor::from(values, {1, 40, 4});
  const Tensor loss = ctc_loss(x, tensor({{1, 2, 3, 1, 2, 3}}, i64));
  EXPECT_GT(loss.item<double>(), 1150);
  EXPECT_LT(loss.item<double>(), 1200);
}

TEST(Ctc, TrainsOnLongSequencesAtOnce) {
  // Unrolled over 500 steps this would be thousands of nodes.
  const Tensor x = nn::init::normal(0, 1, 2)({8, 500, 32});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 8 * 60; ++i) labels.push_back(1 + (i * 7) % 31);
  const Tensor target = Tensor::from(labels, {8, 60});
  nn::Dense dense{{.units = 32}};
  optim::Adam adam({.learning_rate = 0.05});
  auto step = compile([&](const Tensor& in) {
    auto [loss, gradients] =
        value_and_grad([&] { return loss::ctc()(dense(in), target); }, dense)();
    adam.apply(dense, gradients);
    return loss;
  });
  const float first = step(x).item();
  EXPECT_LT(step.function().plan_text().size(), 20000u);
  float last = first;
  for (int i = 0; i < 15; ++i) last = step(x).item();
  EXPECT_LT(last, 0.9f * first);
}

TEST(Ctc, LossDividesByLabelsAndCanForgiveShortSequences) {
  const Batch b;
  const Tensor short_one = b.logits.index({slice(4, 5), slice(0, 2)});
  const Tensor labels = b.labels.index({slice(4, 5)});
  EXPECT_TRUE(std::isinf(loss::ctc()(short_one, labels).item<double>()));
  EXPECT_EQ(loss::ctc({.zero_infinity = true})(short_one, labels).item<double>(), 0);
  const Tensor gradient = grad(
      [&](const Tensor& x) { return loss::ctc({.zero_infinity = true})(x, labels); })(short_one);
  for (const double g : gradient.to_vector<double>()) EXPECT_EQ(g, 0);
}

TEST(Ctc, ExplainsWrongUse) {
  const Batch b;
  expect_error<ShapeError>([&] { ctc_loss(zeros({3, 4}), b.labels); }, {"ctc_loss"});
  expect_error<ShapeError>(
      [&] {
        ctc_loss(b.logits, zeros({4, 2}, i64));
      },
      {"labels [5, length]", "padded with -1"});
  expect_error<DTypeError>([&] { ctc_loss(b.logits, zeros({5, 2})); }, {"integer labels"});
  expect_error<ValueError>([&] { ctc_loss(b.logits, b.labels, {.blank = 6}); },
                           {"blank 6", "6 classes"});
  expect_error<ValueError>(
      [&] {
        ctc_loss(b.logits, full({5, 1}, 6, i64));
      },
      {"label 6", "6 classes"});
  expect_error<ValueError>([&] { ctc_loss(b.logits, zeros({5, 1}, i64)); }, {"the blank"});
  expect_error<ValueError>([&] { ctc_loss(b.logits, b.labels, {}, full({5}, 31, i64)); },
                           {"31 steps"});
}

TEST(FirstNonFinite, FindsThePlace) {
  const double inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {f32, f64, f16, bf16}) {
    const Tensor good = full({70, 100}, -3.5, dtype);
    std::vector<double> values(7000, 1e4);
    EXPECT_EQ(first_non_finite({good, good}).item<std::int64_t>(), -1);
    for (const double bad : {inf, -inf, std::nan("")}) {
      for (const std::size_t at : {std::size_t{0}, std::size_t{4097}, values.size() - 1}) {
        values[at] = bad;
        const Tensor t = Tensor::from(values, {70, 100}).to(dtype);
        EXPECT_EQ(first_non_finite({good, t, t}).item<std::int64_t>(), 1);
        EXPECT_EQ(first_non_finite({t}, 5).item<std::int64_t>(), 5);
        values[at] = 1e4;
      }
    }
  }
  EXPECT_EQ(first_non_finite({zeros({3}, i64), full({}, inf)}).item<std::int64_t>(), 1);
  EXPECT_THROW(first_non_finite({}), ValueError);
}

}  // namespace
}  // namespace nacre
