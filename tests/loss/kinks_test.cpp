// Losses where their formula has a kink, a difference of large numbers, or nothing to count.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using loss::Loss;

struct Smooth {
  std::string name;
  Loss loss;
  double target;
  std::vector<double> at;  // places where some part of the formula changes
  bool twice = true;       // the second derivative exists there
};

std::vector<Smooth> smooth_losses() {
  std::vector<Smooth> all;
  for (const double t : {0.0, 1.0, 0.3}) {
    all.push_back(
        {"binary_crossentropy", loss::binary_crossentropy({.from_logits = true}), t, {0, 20, -20}});
    for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
      all.push_back({"binary_focal",
                     loss::binary_focal({.gamma = gamma, .from_logits = true}),
                     t,
                     {0, 3, -3}});
    }
  }
  all.push_back({"mse", loss::mse(), 0.5, {0.5}});
  all.push_back({"huber", loss::huber(1), 0, {0}});
  all.push_back({"huber", loss::huber(1), 0, {1, -1}, false});
  all.push_back({"log_cosh", loss::log_cosh(), 0, {0, 1, -1, 30}});
  all.push_back({"squared_hinge", loss::squared_hinge(), 1, {1}, false});
  all.push_back({"contrastive", loss::contrastive(1), 0, {1}, false});
  return all;
}

// The derivative from the left and from the right, by differences of second order.
std::pair<double, double> one_sided(const std::function<double(double)>& f, double x) {
  constexpr double h = 1e-4;
  const auto side = [&](double s) {
    return s * (-3 * f(x) + 4 * f(x + s * h) - f(x + 2 * s * h)) / (2 * h);
  };
  return {side(-1), side(1)};
}

TEST(LossKinks, GradientsAreThoseOfBothSides) {
  for (const Smooth& s : smooth_losses()) {
    const Tensor target = tensor({{s.target}}, f64);
    const auto value = [&](const Tensor& x) { return s.loss(x, target); };
    const auto slope = grad(value);
    const auto curvature = grad([&](const Tensor& x) { return sum(slope(x)); });
    for (const double x : s.at) {
      const auto of = [](auto&& f) {
        return [&f](double v) { return f(tensor({{v}}, f64)).template item<double>(); };
      };
      const auto [left, right] = one_sided(of(value), x);
      const double got = of(slope)(x);
      EXPECT_NEAR(got, left, 1e-6) << s.name << " at " << x << ", target " << s.target;
      EXPECT_NEAR(got, right, 1e-6) << s.name << " at " << x << ", target " << s.target;
      if (!s.twice) continue;
      const auto [left2, right2] = one_sided(of(slope), x);
      EXPECT_NEAR(of(curvature)(x), left2, 1e-6) << s.name << " twice at " << x;
      EXPECT_NEAR(of(curvature)(x), right2, 1e-6) << s.name << " twice at " << x;
    }
  }
}

TEST(LossKinks, KnownValues) {
  const Tensor zero = tensor({0});
  const auto entropy = [&](const Tensor& x) {
    return sum(binary_cross_entropy_with_logits(x, zeros_like(x)));
  };
  EXPECT_FLOAT_EQ(grad(entropy)(zero).item(), 0.5);
  EXPECT_FLOAT_EQ(grad([&](const Tensor& x) { return sum(grad(entropy)(x)); })(zero).item(), 0.25);
  EXPECT_FLOAT_EQ(entropy(tensor({-20})).item(), 2.0611537e-9f);
  EXPECT_FLOAT_EQ(
      loss::binary_crossentropy({.from_logits = true})(tensor({{-20}}), tensor({{0}})).item(),
      2.0611537e-9f);
  EXPECT_FLOAT_EQ(entropy(tensor({100})).item(), 100);
  // log cosh e is e^2 / 2 near 0.
  EXPECT_FLOAT_EQ(loss::log_cosh()(tensor({{1e-4}}), tensor({{0}})).item(), 5e-9f);
}

TEST(LossKinks, FocalLossOfWhatIsSureIsItsLimit) {
  for (const double gamma : {0.0, 0.3, 0.5, 1.0, 2.0}) {
    for (const double x : {200.0, 40.0, 17.0}) {
      const auto binary = [&](const Tensor& logits) {
        return loss::binary_focal({.gamma = gamma, .from_logits = true})(logits, ones({1, 1}));
      };
      const auto sparse = [&](const Tensor& logits) {
        return loss::sparse_categorical_focal({.gamma = gamma, .alpha = -1, .from_logits = true})(
            logits, tensor({0}, i64));
      };
      const auto [v1, g1] = value_and_grad(binary)(full({1, 1}, x));
      const auto [v2, g2] = value_and_grad(sparse)(tensor({{x, -x}}));
      EXPECT_LT(std::fabs(v1.item()) + std::fabs(v2.item()), 1e-5) << gamma << " " << x;
      EXPECT_LT(max(abs(g1)).item() + max(abs(g2)).item(), 1e-5) << gamma << " " << x;
    }
  }
}

TEST(IgnoredLabels, DoNotCount) {
  const Tensor x = Generator(1).normal({5, 3}).to(f64);
  const Tensor kept = x.index({slice(0, 3)});
  const Tensor labels = tensor({2, 0, 1, -100, -100}, i64);
  const Tensor few = tensor({2, 0, 1}, i64);
  const std::vector<std::pair<Loss, bool>> losses = {
      {loss::sparse_categorical_crossentropy({.from_logits = true}), false},
      {loss::sparse_categorical_crossentropy({.from_logits = true, .label_smoothing = 0.1}), false},
      {loss::sparse_categorical_crossentropy(), true},
      {loss::sparse_categorical_crossentropy({.label_smoothing = 0.1}), true},
      {loss::sparse_categorical_focal({.alpha = -1, .from_logits = true}), false},
      {loss::nll(), true}};
  for (const auto& [l, probabilities] : losses) {
    const auto in = [&](const Tensor& t) { return probabilities ? softmax(t) : t; };
    const double expected = l(in(kept), few).item<double>();
    EXPECT_NEAR(l(in(x), labels).item<double>(), expected, 1e-12) << l.name();
    EXPECT_NEAR(l(in(x), labels, tensor({1, 1, 1, 5, 7})).item<double>(), expected, 1e-12)
        << l.name();
    EXPECT_NEAR(l(in(x), labels.to(f32)).item<double>(), expected, 1e-12) << l.name();
    EXPECT_NEAR(l.with(loss::Reduction::sum)(in(x), labels).item<double>(), 3 * expected, 1e-12);
    EXPECT_TRUE(std::isnan(l(in(x), full({5}, -100).to(i64)).item<double>())) << l.name();
    EXPECT_NEAR(compile([&](const Tensor& t) { return l(in(t), labels); })(x).item<double>(),
                expected, 1e-12);
  }
}

TEST(Losses, OfNoSamplesAreNaN) {
  for (const Tensor& weights : {Tensor(), zeros({0})}) {
    EXPECT_TRUE(std::isnan(loss::mse()(zeros({0, 2}), zeros({0, 2}), weights).item()));
  }
}

TEST(LossErrors, NameTheUsersLineAndWhatIsWrong) {
  const auto mse = loss::mse();
  // One weight a sample may have trailing axes of one; nothing broadcasts beyond the values.
  EXPECT_FLOAT_EQ(mse(tensor({{1}, {2}}), zeros({2, 1}), tensor({{1}, {0}})).item(), 1);
  EXPECT_FLOAT_EQ(mse(tensor({1, 2}), zeros({2}), tensor({{1}, {0}})).item(), 1);
  const std::string weights =
      test::text_of<ShapeError>([&] { mse(zeros({4}), zeros({4}), ones({3})); });
  EXPECT_NE(weights.find("f32[3] do not fit losses f32[4]"), std::string::npos) << weights;
  EXPECT_NE(weights.find("kinks_test.cpp"), std::string::npos) << weights;
  const auto sparse = loss::sparse_categorical_crossentropy({.from_logits = true});
  const std::string fraction = test::text_of<ValueError>([&] {
    sparse(zeros({2, 3}), tensor({1, 0.75}));
  });
  EXPECT_NE(fraction.find("target in row 1 is 0.75"), std::string::npos) << fraction;
  auto traced = compile([&](const Tensor& t) { return sparse(zeros({2, 3}), t); });
  EXPECT_THROW(traced(tensor({1, 0.75})), ValueError);
  for (const double label : {3.0, -1.0}) {
    EXPECT_THROW(sparse(zeros({1, 3}), Tensor::from(std::vector<double>{label})), ValueError);
    EXPECT_THROW(loss::sparse_categorical_crossentropy()(full({1, 3}, 0.3), tensor({label}, i64)),
                 ValueError);
    EXPECT_THROW(loss::nll()(zeros({1, 3}), tensor({label}, i64)), ValueError);
  }
}

}  // namespace
}  // namespace nacre
