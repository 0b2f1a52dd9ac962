// What is representable does not overflow on the way: 16-bit floats, and f32 and f64 near their
// ends; and the gradients of it. Expected values are exact or computed in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/nacre.h"

namespace nacre {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_near(const Tensor& t, const std::vector<double>& expected, double relative = 2e-3) {
  const std::vector<double> values = t.to_vector<double>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == expected[i]) continue;
    EXPECT_NEAR(values[i], expected[i], relative * std::fabs(expected[i])) << "element " << i;
  }
}

TEST(Overflow, NormsOfLargeNumbers) {
  for (const DType d : {f16, bf16, f32, f64}) {
    expect_near(norm(tensor({300, 400}, d)), {500}, d == bf16 ? 1e-2 : 1e-3);
    expect_near(norm(tensor({300, 400}, d), 3), {std::cbrt(300.0 * 300 * 300 + 400.0 * 400 * 400)},
                1e-2);
    const auto f = [](const Tensor& x) { return norm(x); };
    expect_near(grad(f)(tensor({300, 400}, d)), {0.6, 0.8}, 1e-2);
    const auto cubic = [](const Tensor& x) { return norm(x, 3); };
    expect_near(grad(cubic)(tensor({300, 400}, d)),
                {std::pow(300 / 449.79414, 2), std::pow(400 / 449.79414, 2)}, 2e-2);
    // Along rows and columns, in one run and in parts.
    expect_near(norm(full({3, 4}, 200, d), 2, {0}), std::vector<double>(4, 346.41), 1e-2);
    expect_near(norm(full({3, 4}, 200, d), 2, {1}), std::vector<double>(3, 400), 1e-2);
  }
  expect_near(norm(tensor({1e20, 1, 1})), {1e20}, 1e-6);
  expect_near(norm(tensor({1e-30, 1e-30})), {std::sqrt(2) * 1e-30}, 1e-6);
  expect_near(norm(tensor({3e200, 4e200}, f64)), {5e200}, 1e-14);
  expect_near(norm(tensor({3e-200, 4e-200}, f64)), {5e-200}, 1e-14);
  expect_near(norm(full({4, 3}, 1e200, f64), 2, {0}), {2e200, 2e200, 2e200}, 1e-14);
  expect_near(norm(tensor({1e20, 1e20}), 3), {std::cbrt(2) * 1e20}, 1e-6);
  expect_near(norm(tensor({1e-20, 1e20}), -2), {1e-20}, 1e-6);
  EXPECT_EQ(norm(tensor({kInfinity, 1})).item<double>(), kInfinity);
  EXPECT_TRUE(std::isnan(norm(tensor({std::nan(""), 1}, f64)).item<double>()));
  EXPECT_EQ(norm(zeros({0})).item<double>(), 0);
  EXPECT_EQ(norm(zeros({0}), 3).item<double>(), 0);
  expect_near(grad([](const Tensor& x) { return norm(x); })(tensor({3e20, 4e20})), {0.6, 0.8},
              1e-6);
  // Many elements, as in clipping: shared among threads.
  expect_near(norm(full({300000}, 1e19)), {1e19 * std::sqrt(300000.0)}, 1e-6);
}

TEST(Overflow, DeviationsOfLargeNumbers) {
  for (const DType d : {f16, bf16}) {
    expect_near(standard_deviation(tensor({300, -300, 300, -300}, d)), {300}, 1e-2);
    expect_near(mean(full({1000}, 60000, d)), {60000}, 1e-2);
    EXPECT_LT(variance(full({500}, 60000, d)).item<double>(), 1e-3);
    expect_near(grad([](const Tensor& x) { return standard_deviation(x); })(tensor({300, -300}, d)),
                {0.5, -0.5}, 1e-2);
  }
  expect_near(standard_deviation(tensor({1e20, -1e20})), {1e20}, 1e-6);
  expect_near(standard_deviation(tensor({1e20, -1e20}), {}, {.correction = 1}),
              {std::sqrt(2) * 1e20}, 1e-6);
  EXPECT_TRUE(std::isnan(standard_deviation(tensor({1}), {}, {.correction = 1}).item<double>()));
}

TEST(Overflow, QuantilesBetweenDistantNumbers) {
  expect_near(median(tensor({-40000, 40000}, f16)), {0});
  expect_near(quantile(tensor({-60000, 60000}, f16), 0.25), {-30000}, 1e-3);
  expect_near(median(tensor({-3e38, 3e38})), {0});
  EXPECT_EQ(median(tensor({kInfinity, kInfinity})).item<double>(), kInfinity);
  EXPECT_EQ(median(tensor({1, kInfinity})).item<double>(), kInfinity);
  EXPECT_TRUE(std::isnan(median(tensor({-kInfinity, kInfinity})).item<double>()));
}

TEST(Overflow, SumsAndProductsWithinTheirRange) {
  for (const DType d : {f16, bf16}) {
    expect_near(sum(tensor({60000, 60000, -60000}, d)), {60000}, 1e-2);
    expect_near(prod(tensor({300, 300, 1.0 / 1024, 1}, d)), {87.890625}, 1e-2);
    expect_near(cumsum(tensor({60000, 60000, -60000}, d), 0).index({Index(2)}), {60000}, 1e-2);
    expect_near(logsumexp(full({4}, 60000, d)), {60000}, 1e-2);
    expect_near(softmax(tensor({60000, 60000}, d)), {0.5, 0.5});
    expect_near(log_softmax(tensor({60000, 60000}, d)), {std::log(0.5), std::log(0.5)}, 1e-2);
    expect_near(layer_norm(tensor({{60000, -60000}}, d)), {1, -1}, 1e-2);
    expect_near(rms_norm(tensor({{60000, -60000}}, d)), {1, -1}, 1e-2);
    expect_near(hypot(tensor({300}, d), tensor({400}, d)), {500}, 1e-2);
  }
  expect_near(prod(tensor({1e30, 1e30, 1e-30})), {1e30}, 1e-6);
}

TEST(Overflow, GradientsWithinTheirRange) {
  for (const DType d : {f16, f32}) {
    const double size = d == f16 ? 300 : 3e25;
    const auto angle = [](const Tensor& y, const Tensor& x) { return sum(atan2(y, x)); };
    const double scale = d == f16 ? 1 : 1e20;  // keeps the result above the smallest number
    const auto scaled = [&](const Tensor& y, const Tensor& x) { return angle(y, x) * scale; };
    const Tensor y = full({1}, size, d);
    expect_near(grad(scaled)(y, y)[0], {scale / (2 * size)}, 1e-2);
    for (const bool approximate : {false, true}) {
      const auto f = [&](const Tensor& x) { return sum(gelu(x, approximate)); };
      const double large = d == f16 ? 60000 : 1e30;
      expect_near(grad(f)(tensor({large, -large, kInfinity, -kInfinity}, d)), {1, 0, 1, 0});
    }
  }
}

}  // namespace
}  // namespace nacre
