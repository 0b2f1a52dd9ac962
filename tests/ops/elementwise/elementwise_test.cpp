// Elementwise functions where the generic checks do not look: special values, whole numbers beyond
// 2^53, promotion, and gradients at ties, kinks and poles.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "nacre/nacre.h"
#include "nacre/ops/elementwise/special_math.h"

namespace nacre {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
using Doubles = std::vector<double>;
using Whole = std::vector<std::int64_t>;

Tensor whole(const Whole& values) { return Tensor::from(values); }
Whole wholes(const Tensor& t) { return t.to_vector<std::int64_t>(); }

void expect_same(const Tensor& actual, const Doubles& expected) {
  const Doubles values = actual.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(values[i])) << i << ": " << values[i];
    } else {
      EXPECT_DOUBLE_EQ(values[i], expected[i]) << i;
    }
  }
}

template <class F>
double slope_at(F&& f, double x) {
  return grad([&](const Tensor& t) { return f(t); })(Tensor::scalar(x, f64))
      .template item<double>();
}

TEST(Elementwise, WholeNumbersAreExactBeyondDoubles) {
  constexpr std::int64_t big = (1ll << 53) + 1;
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Tensor a = whole({big, -big, least});
  EXPECT_EQ(wholes(a + whole({2, 2, -1})), (Whole{big + 2, 2 - big, -(least + 1)}));
  EXPECT_EQ(wholes(a - whole({big - 1, 0, 1})), (Whole{1, -big, -(least + 1)}));
  EXPECT_EQ(wholes(a * whole({3, 1, -1})), (Whole{3 * big, -big, least}));
  EXPECT_EQ(wholes(-a), (Whole{-big, big, least}));
  EXPECT_EQ(wholes(abs(a)), (Whole{big, big, least}));
  EXPECT_EQ(wholes(maximum(a, whole({big - 1, 0, 0}))), (Whole{big, 0, 0}));
  EXPECT_EQ(wholes(equal(a, whole({big - 1, -big, least}))), (Whole{0, 1, 1}));
  EXPECT_EQ(wholes(a == whole({big - 1, -big, least})), (Whole{0, 1, 1}));
  EXPECT_EQ(wholes(a != whole({big - 1, -big, least})), (Whole{1, 0, 0}));
  EXPECT_EQ(wholes(less(whole({big - 1}), whole({big}))), (Whole{1}));
  EXPECT_EQ(wholes(where(whole({1, 0, 1}).to(boolean), a, 0)), (Whole{big, 0, least}));
  EXPECT_EQ(wholes(clamp(a, -5, 9000000000000000000)), (Whole{big, -5, -5}));
  EXPECT_EQ(wholes(identity(a).to(i64)), (Whole{big, -big, least}));
  EXPECT_EQ(wholes(floor(a)), (Whole{big, -big, least}));
}

TEST(Elementwise, DivisionOfWholeNumbersFloors) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Tensor a = whole({7, -7, 7, -7, 6, 5, least, least});
  const Tensor b = whole({2, 2, -2, -2, 3, 0, -1, 1});
  EXPECT_EQ(wholes(floor_divide(a, b)), (Whole{3, -4, -4, 3, 2, 0, least, least}));
  EXPECT_EQ(wholes(a % b), (Whole{1, 1, -1, -1, 0, 0, 0, 0}));
  EXPECT_EQ(wholes(fmod(a, b)), (Whole{1, -1, 1, -1, 0, 0, 0, 0}));
  EXPECT_EQ(div(a, 2).dtype(), f32);
}

TEST(Elementwise, DivisionOfFloatsFollowsPython) {
  const Tensor a = tensor({7, -7, 7, -7, 1, 6, -0.5, kInf, 1, -1}, f64);
  const Tensor b = tensor({2, 2, -2, -2, 0.1, -3, kInf, 2, 0, 0}, f64);
  expect_same(floor_divide(a, b), {3, -4, -4, 3, 9, -2, -1, kNan, kInf, -kInf});
  expect_same(tensor({7, -7, 7, -7}, f64) % tensor({2, 2, -2, -2}, f64), {1, 1, -1, -1});
  EXPECT_NEAR((a % b).to_vector<double>()[4], 0.1, 1e-15);
}

TEST(Elementwise, PowersOfWholeNumbers) {
  EXPECT_EQ(
      wholes(pow(whole({3, -2, 0, 0, 2, 1, -1, -1, 5}), whole({4, 3, 0, 2, -1, -5, -3, -2, 0}))),
      (Whole{81, -8, 1, 0, 0, 1, -1, 1, 1}));
  EXPECT_EQ(wholes(pow(whole({3}), 39)), (Whole{4052555153018976267}));
  EXPECT_EQ(pow(whole({2}), 0.5).dtype(), f32);
  // A zero base: the gradient is finite and as in PyTorch.
  EXPECT_EQ(slope_at([](const Tensor& x) { return pow(x, 2); }, 0), 0);
  EXPECT_EQ(slope_at([](const Tensor& x) { return pow(x, 0); }, 0), 0);
  EXPECT_EQ(slope_at([](const Tensor& b) { return pow(0.0, b); }, 2), 0);
}

TEST(Elementwise, ExtremaPassNanOn) {
  const Tensor a = tensor({1, kNan, 3, kInf}, f64);
  const Tensor b = tensor({2, 0, kNan, -kInf}, f64);
  expect_same(maximum(a, b), {2, kNan, kNan, kInf});
  expect_same(minimum(a, b), {1, kNan, kNan, -kInf});
  expect_same(clamp(a, 0, 2), {1, kNan, 2, 2});
  expect_same(relu(tensor({-kInf, -1, 0, kInf, kNan}, f64)), {0, 0, 0, kInf, kNan});
  expect_same(sign(tensor({-3, 0, 2, kNan}, f64)), {-1, 0, 1, kNan});
  const auto tie = [](const Tensor& x) { return maximum(x, 1.0); };
  EXPECT_EQ(slope_at(tie, 1), 0.5);
}

TEST(Elementwise, RoundingGoesToEven) {
  const Tensor x = tensor({0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6, kInf}, f64);
  expect_same(round(x), {0, 2, 2, -0.0, -2, 2, -3, kInf});
  expect_same(floor(x), {0, 1, 2, -1, -2, 2, -3, kInf});
  expect_same(ceil(x), {1, 2, 3, -0.0, -1, 3, -2, kInf});
  expect_same(trunc(x), {0, 1, 2, -0.0, -1, 2, -2, kInf});
  EXPECT_EQ(slope_at([](const Tensor& t) { return frac(t) * 3; }, 1.25), 3);
}

TEST(Elementwise, TestsOfSpecialValues) {
  const Tensor x = tensor({1, kInf, -kInf, kNan}, f64);
  EXPECT_EQ(wholes(is_nan(x)), (Whole{0, 0, 0, 1}));
  EXPECT_EQ(wholes(is_inf(x)), (Whole{0, 1, 1, 0}));
  EXPECT_EQ(wholes(is_finite(x)), (Whole{1, 0, 0, 0}));
  EXPECT_EQ(wholes(is_finite(whole({1, 2}))), (Whole{1, 1}));
  EXPECT_EQ(wholes(is_close(x, x)), (Whole{1, 1, 1, 0}));
  EXPECT_EQ(wholes(is_close(x, x, 1e-5, 1e-8, true)), (Whole{1, 1, 1, 1}));
  EXPECT_EQ(wholes(is_close(tensor({1, 1}), tensor({1.000001, 1.1}))), (Whole{1, 0}));
  EXPECT_EQ(wholes(is_close(x, kInf)), (Whole{0, 1, 0, 0}));
  EXPECT_TRUE(all_close(tensor({1, 2}), tensor({1, 2})).item<bool>());
  EXPECT_FALSE(all_close(tensor({1, 2}), tensor({1, 3})).item<bool>());
}

TEST(Elementwise, LogicAndBits) {
  const Tensor a = whole({0, 1, 6, -1});
  const Tensor b = whole({0, 0, 3, 5});
  EXPECT_EQ(wholes(logical_and(a, b)), (Whole{0, 0, 1, 1}));
  EXPECT_EQ(wholes(logical_or(a, b)), (Whole{0, 1, 1, 1}));
  EXPECT_EQ(wholes(logical_xor(a, b)), (Whole{0, 1, 0, 0}));
  EXPECT_EQ(wholes(!a), (Whole{1, 0, 0, 0}));
  EXPECT_EQ(wholes(logical_not(tensor({0, kNan, 2}))), (Whole{1, 0, 0}));
  EXPECT_EQ(wholes(a & b), (Whole{0, 0, 2, 5}));
  EXPECT_EQ(wholes(a | b), (Whole{0, 1, 7, -1}));
  EXPECT_EQ(wholes(a ^ b), (Whole{0, 1, 5, -6}));
  EXPECT_EQ(wholes(~a), (Whole{-1, -2, -7, 0}));
  EXPECT_EQ(wholes(~(a > 0)), (Whole{1, 0, 0, 1}));
  EXPECT_EQ(((a > 0) & true).dtype(), boolean);
  EXPECT_EQ(wholes(shift_left(whole({1, -1, 1, 1}), whole({3, 2, 64, -1}))), (Whole{8, -4, 0, 0}));
  EXPECT_EQ(wholes(shift_right(whole({9, -9, 9, -9}), whole({1, 1, 64, -1}))),
            (Whole{4, -5, 0, -1}));
  EXPECT_EQ(wholes(shift_left(whole({1}).to(u8), whole({7}).to(u8))), (Whole{128}));
  EXPECT_EQ(wholes(shift_left(whole({1}).to(i8), whole({7}).to(i8))), (Whole{-128}));
}

TEST(Elementwise, CastsStayWithinRange) {
  const Tensor x = tensor({-1.9, 300, -300, 1e30, kNan, 2.9}, f64);
  EXPECT_EQ(wholes(x.to(u8)), (Whole{0, 255, 0, 255, 0, 2}));
  EXPECT_EQ(wholes(x.to(i8)), (Whole{-1, 127, -128, 127, 0, 2}));
  EXPECT_EQ(wholes(x.to(i32)), (Whole{-1, 300, -300, 2147483647, 0, 2}));
  EXPECT_EQ(wholes(x.to(i64)),
            (Whole{-1, 300, -300, std::numeric_limits<std::int64_t>::max(), 0, 2}));
  EXPECT_EQ(wholes(whole({300, -1}).to(u8)), (Whole{44, 255}));
  EXPECT_EQ(wholes(whole({0, 256, -1}).to(boolean)), (Whole{0, 1, 1}));
  EXPECT_EQ(wholes(tensor({0.2, 0, kNan}).to(boolean)), (Whole{1, 0, 1}));
}

TEST(Elementwise, ExponentialsAtTheirEdges) {
  expect_same(logaddexp(tensor({-kInf, kInf, 1000, kNan, -kInf}, f64),
                        tensor({-kInf, kInf, 1000, 1, 3}, f64)),
              {-kInf, kInf, 1000 + std::numbers::ln2, kNan, 3});
  expect_same(xlogy(tensor({0, 0, 2, 0}, f64), tensor({0, kNan, 1, kInf}, f64)), {0, kNan, 0, 0});
  EXPECT_EQ(slope_at([](const Tensor& x) { return logaddexp(x, x * 0 - kInf); }, 2), 1);
  EXPECT_EQ(slope_at([](const Tensor& x) { return logaddexp(x, -kInf); }, -kInf), 0.5);
  EXPECT_EQ(slope_at([](const Tensor& x) { return xlogy(x, 0.0); }, 0), 0);
  EXPECT_EQ(expm1(Tensor::scalar(1e-20, f64)).item<double>(), 1e-20);
  EXPECT_EQ(log1p(Tensor::scalar(1e-20, f64)).item<double>(), 1e-20);
}

TEST(Elementwise, GeometryAtTheOrigin) {
  EXPECT_EQ(slope_at([](const Tensor& x) { return hypot(x, 0.0); }, 0), 0);
  EXPECT_EQ(slope_at([](const Tensor& x) { return atan2(x, 0.0); }, 0), 0);
  EXPECT_DOUBLE_EQ(hypot(Tensor::scalar(3e200, f64), 4e200).item<double>(), 5e200);
  expect_same(atan2(tensor({0, 0, 1}, f64), tensor({1, -1, 0}, f64)),
              {0, std::numbers::pi, std::numbers::pi / 2});
  expect_same(copysign(tensor({1, -2, 3}, f64), tensor({-0.0, 1, -5}, f64)), {-1, 2, -3});
}

TEST(Elementwise, LerpIsExactAtBothEnds) {
  const Tensor a = tensor({1e10, 0.1}, f64);
  const Tensor b = tensor({0.3, 0.7}, f64);
  expect_same(lerp(a, b, 0), {1e10, 0.1});
  expect_same(lerp(a, b, 1), {0.3, 0.7});
  expect_same(lerp(a, b, tensor({1, 0}, f64)), {0.3, 0.1});
  expect_same(squared_difference(tensor({1, 5}, f64), 3), {4, 4});
}

TEST(Elementwise, OperatorsRebind) {
  Tensor x = tensor({6.0});
  const Tensor before = x;
  x += 2;
  x *= 3;
  x -= 4;
  x /= 2;
  EXPECT_EQ(x.item(), 10);
  EXPECT_EQ(before.item(), 6);
}

TEST(Promotion, FollowsPyTorch) {
  const auto of = [](const Tensor& t) { return name_of(t.dtype()); };
  const auto vec = [](DType d) { return ones({2}, d); };
  const auto one = [](DType d) { return Tensor::scalar(1, d); };
  EXPECT_EQ(of(vec(f32) + vec(f64)), "f64");
  EXPECT_EQ(of(vec(bf16) + vec(f16)), "f32");
  EXPECT_EQ(of(vec(i32) + vec(i64)), "i64");
  EXPECT_EQ(of(vec(u8) + vec(i32)), "i32");
  EXPECT_EQ(of(vec(i64) + vec(f16)), "f16");
  EXPECT_EQ(of(vec(boolean) + vec(u8)), "u8");
  // Within a kind, axes decide over none.
  EXPECT_EQ(of(vec(f32) + one(f64)), "f32");
  EXPECT_EQ(of(one(f64) + vec(bf16)), "bf16");
  EXPECT_EQ(of(vec(i32) * one(i64)), "i32");
  EXPECT_EQ(of(vec(i32) * one(f64)), "f64");
  EXPECT_EQ(of(one(f32) + one(f64)), "f64");
  // Numbers.
  EXPECT_EQ(of(vec(f16) * 2.5), "f16");
  EXPECT_EQ(of(vec(u8) + 1), "u8");
  EXPECT_EQ(of(vec(u8) + 1.5), "f32");
  EXPECT_EQ(of(vec(boolean) * 2), "i64");
  EXPECT_EQ(of(vec(boolean) * 2.0), "f32");
  EXPECT_EQ(of(exp(vec(i32))), "f32");
  EXPECT_EQ(of(vec(i64) / vec(i64)), "f32");
  EXPECT_EQ(of(where(vec(boolean), 0, vec(i32))), "i32");
  EXPECT_EQ(of(clamp(vec(i32), 0, 2.5)), "f32");
}

TEST(Activations, AreSafeAtLargeValues) {
  const Tensor x = tensor({-1000, 1000}, f64);
  expect_same(softplus(x), {0, 1000});
  expect_same(log_sigmoid(x), {-1000, -0.0});
  expect_same(silu(x), {-0.0, 1000});
  expect_same(gelu(x), {-0.0, 1000});
  expect_same(elu(x), {-1, 1000});
  for (const double at : {-1000.0, 1000.0}) {
    const double right = at > 0 ? 1 : 0;
    EXPECT_EQ(slope_at([](const Tensor& t) { return softplus(t); }, at), right);
    EXPECT_EQ(slope_at([](const Tensor& t) { return elu(t); }, at), right);
    EXPECT_EQ(slope_at([](const Tensor& t) { return mish(t); }, at), right);
    EXPECT_EQ(slope_at([](const Tensor& t) { return log_sigmoid(t); }, at), 1 - right);
    const auto first = grad([](const Tensor& t) { return elu(t); });
    EXPECT_EQ(slope_at(first, at), 0);
  }
}

TEST(Activations, PiecewiseLinearOnes) {
  const Tensor x = tensor({-4, -1, -0.25, 0, 0.25, 1, 4, 7}, f64);
  expect_same(relu6(x), {0, 0, 0, 0, 0.25, 1, 4, 6});
  expect_same(leaky_relu(x, 0.5), {-2, -0.5, -0.125, 0, 0.25, 1, 4, 7});
  expect_same(hard_tanh(x), {-1, -1, -0.25, 0, 0.25, 1, 1, 1});
  expect_same(hard_shrink(x), {-4, -1, 0, 0, 0, 1, 4, 7});
  expect_same(soft_shrink(x), {-3.5, -0.5, 0, 0, 0, 0.5, 3.5, 6.5});
  expect_same(threshold(x, 0.5, 9), {9, 9, 9, 9, 9, 1, 4, 7});
  expect_same(hard_swish(tensor({-4, 0, 3, 5}, f64)), {-0.0, 0, 3, 5});
  expect_same(softsign(tensor({-1, 0, 3}, f64)), {-0.5, 0, 0.75});
  EXPECT_EQ(slope_at([](const Tensor& t) { return relu(t); }, 0), 0);
  EXPECT_EQ(slope_at([](const Tensor& t) { return clamp(t, 0, 1); }, 1), 1);
}

TEST(Activations, PreluHasOneSlopeAChannel) {
  const Tensor x = full({2, 3, 2}, -1);
  const Tensor y = prelu(x, tensor({0.1, 0.2, 0.3}));
  EXPECT_FLOAT_EQ(y.to_vector<float>()[2], -0.2f);
  EXPECT_FLOAT_EQ(y.to_vector<float>()[11], -0.3f);
  EXPECT_FLOAT_EQ(prelu(x, tensor({0.5})).to_vector<float>()[7], -0.5f);
  const auto f = [&](const Tensor& w) { return sum(prelu(x, w)); };
  EXPECT_EQ(grad(f)(tensor({0.1, 0.2, 0.3})).to_vector<float>(), (std::vector<float>{-4, -4, -4}));
}

// Constants of mathematics: see the NIST Digital Library of Mathematical
// Functions, 5.4, 5.15, 7.17.
TEST(Special, KnownValues) {
  using std::numbers::egamma;
  using std::numbers::pi;
  constexpr double zeta3 = 1.2020569031595942;
  EXPECT_NEAR(digamma_value(1), -egamma, 1e-14);
  EXPECT_NEAR(digamma_value(0.5), -egamma - 2 * std::numbers::ln2, 1e-14);
  EXPECT_NEAR(digamma_value(-0.5), 0.03648997397857652, 1e-13);
  EXPECT_NEAR(polygamma_value(1, 1), pi * pi / 6, 1e-13);
  EXPECT_NEAR(polygamma_value(1, 0.5), pi * pi / 2, 1e-13);
  EXPECT_NEAR(polygamma_value(1, -0.5), pi * pi / 2 + 4, 1e-12);
  EXPECT_NEAR(polygamma_value(2, 1), -2 * zeta3, 1e-13);
  EXPECT_NEAR(polygamma_value(3, 1), std::pow(pi, 4) / 15, 1e-12);
  EXPECT_NEAR(polygamma_value(2, -0.5), -0.8287966442343199, 1e-11);
  EXPECT_NEAR(inverse_erf(0.5), 0.4769362762044699, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(1e-20), -9.262340089798408, 1e-12);
  EXPECT_EQ(digamma_value(0), -kInf);
  EXPECT_TRUE(std::isnan(digamma_value(-3)));
  EXPECT_EQ(polygamma_value(1, -2), kInf);
}

TEST(Special, InverseErfUndoesErf) {
  for (const double x : {-0.999999999, -0.7, -1e-3, 1e-300, 1e-9, 0.3, 0.9999, 1 - 1e-15}) {
    const double y = inverse_erf(x);
    EXPECT_NEAR(std::erf(y), x, 3e-16) << x;
    if (std::fabs(x) < 0.1) {
      EXPECT_NEAR(y / x, std::sqrt(std::numbers::pi) / 2, 1e-5) << x;
    }
  }
  expect_same(erfinv(tensor({-1, 1, 0, 2}, f64)), {-kInf, kInf, 0, kNan});
  expect_same(logit(tensor({0, 0.5, 1}, f64)), {-kInf, 0, kInf});
}

TEST(Special, DigammaSatisfiesItsRecurrence) {
  for (const double x : {-7.3, -0.2, 0.01, 0.7, 4.0, 123.4, 1e8}) {
    EXPECT_NEAR(digamma_value(x + 1) - digamma_value(x), 1 / x, 1e-11 * (1 + 1 / std::fabs(x)))
        << x;
    EXPECT_NEAR(polygamma_value(1, x + 1) - polygamma_value(1, x), -1 / (x * x),
                1e-10 * (1 + 1 / (x * x)))
        << x;
  }
}

}  // namespace
}  // namespace nacre
