// What is representable does not overflow on the way: 16-bit floats, and f32 and f64 near their
// ends; and the gradients of it. Expected values are exact or computed in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
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

TEST(Overflow, MeansAndSumsNearTheLargestNumber) {
  constexpr double kMost = 3.4e38;
  expect_near(mean(full({1000}, kMost)), {kMost}, 1e-6);
  expect_near(mean(full({3, 700}, kMost), {1}), {kMost, kMost, kMost}, 1e-6);
  expect_near(mean(full({700, 3}, kMost), {0}), {kMost, kMost, kMost}, 1e-6);
  expect_near(mean(full({300000}, kMost)), {kMost}, 1e-6);  // in parts
  expect_near(mean(full({5}, 1.7e308, f64)), {1.7e308}, 1e-14);
  expect_near(mean(full({600}, 3.3e38, bf16)), {3.3e38}, 1e-2);
  expect_near(sum(tensor({3e38, 3e38, -3e38})), {3e38}, 1e-6);
  expect_near(sum(tensor({3e38, 3e38, -3e38}, bf16)), {3e38}, 1e-2);
  expect_near(sum(tensor({1.5e308, 1.5e308, -1.5e308}, f64)), {1.5e308}, 1e-14);
  expect_near(cumsum(tensor({3e38, 3e38, -3e38}), 0).index({Index(2)}), {3e38}, 1e-6);
  expect_near(nanmean(tensor({kMost, kMost, std::nan("")})), {kMost}, 1e-6);
  EXPECT_EQ(sum(tensor({3e38, 3e38})).item<double>(), kInfinity);
  EXPECT_EQ(mean(tensor({kInfinity, 1})).item<double>(), kInfinity);
  EXPECT_TRUE(std::isnan(mean(tensor({kInfinity, -kInfinity})).item<double>()));
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item<double>()));
  expect_near(grad([](const Tensor& x) { return mean(x); })(full({4}, kMost)),
              {0.25, 0.25, 0.25, 0.25}, 1e-6);
  for (const DType d : {f32, f64}) {
    const auto compiled = compile([](const Tensor& x) { return mean(x * 1, {-1}); });
    expect_near(compiled(full({2, 9}, 3e38, d)), {3e38, 3e38}, 1e-6);
  }
}

TEST(Overflow, VariancesWithinTheirRange) {
  // Squares of 1e38: their sum is no f32, their mean is.
  const Tensor x = stack({full({500}, 1e19), full({500}, -1e19)});
  expect_near(variance(x), {1e38}, 1e-6);
  expect_near(variance(x, {0}), std::vector<double>(500, 1e38), 1e-6);
  expect_near(variance(tensor({1e19, -1e19}), {}, {.correction = 1}), {2e38}, 1e-6);
  // One square is no f32, their mean is.
  expect_near(variance(concatenate({tensor({5e19}), zeros({999})})), {25e38 * 0.001 * 0.999}, 1e-5);
  expect_near(mean_square(tensor({3e19, 1e10, 1, 1, 1, 1, 1, 1})), {9e38 / 8}, 1e-6);
  expect_near(mean_square(tensor({3e150, 4e150}, f64)), {12.5e300}, 1e-14);
  expect_near(mean_square(tensor({1e154, 1e154, 0, 0}, f64)), {5e307}, 1e-14);
  expect_near(grad([](const Tensor& t) { return variance(t); })(tensor({1e19, -1e19})),
              {1e19, -1e19}, 1e-6);
  expect_near(standard_deviation(full({4000}, 1) * tensor({{3e38}, {-3e38}})), {3e38}, 1e-6);
  expect_near(standard_deviation(tensor({3.4e38, -3.4e38, -3.4e38, -3.4e38})),
              {3.4e38 * std::sqrt(0.75)}, 1e-6);
  EXPECT_EQ(standard_deviation(full({5}, 0.1)).item(), 0);
}

TEST(Overflow, NormalisationOfNumbersWhoseSquaresOverflow) {
  struct Case {
    const char* name;
    std::function<Tensor(const Tensor&)> f;
  };
  const Tensor w = tensor({1, 2, -1, 0.5, 1, 3});
  const Tensor shift = tensor({0.5, 0, 0, 1, 1, 0});
  const auto like = [](const Tensor& t, const Tensor& x) { return t.to(x.dtype()); };
  const auto columns = [&](const Tensor& t, const Tensor& x) {
    return like(t, x).index({slice(0, 3)});
  };
  // Without an epsilon numbers of all sizes are normalised alike.
  const LayerNormOptions last{.epsilon = 0};
  const LayerNormOptions both{.axes = {0, 1}, .epsilon = 0};
  const NormOptions plain{.epsilon = 0};
  const Tensor none;
  const std::vector<Case> cases = {
      {"layer_norm",
       [&](const Tensor& x) { return layer_norm(x, like(w, x), like(shift, x), last); }},
      {"layer_norm over two axes",
       [&](const Tensor& x) { return layer_norm(x, none, none, both); }},
      {"rms_norm", [&](const Tensor& x) { return rms_norm(x, like(w, x), last); }},
      {"batch_norm",
       [&](const Tensor& x) { return batch_norm(x, like(w, x), like(shift, x), plain).y; }},
      {"batch_norm of pictures",
       [&](const Tensor& x) {
         return batch_norm(reshape(x, Shape{2, 3, 4}), columns(w, x), columns(shift, x), plain).y;
       }},
      {"group_norm",
       [&](const Tensor& x) {
         return group_norm(reshape(x, Shape{4, 3, 2}), 1, columns(w, x), columns(shift, x), plain);
       }},
      {"instance_norm",
       [&](const Tensor& x) {
         return instance_norm(reshape(x, Shape{2, 3, 4}), none, none, plain);
       }},
  };
  // One column is smaller, so that both kinds stand side by side.
  const Tensor x = sin(arange(24, f64).reshape({4, 6}) * 1.7) * tensor({1, 1, 1e-3, 1, 1, 1}, f64);
  const Tensor weight = cos(arange(24, f64).reshape({4, 6}));
  for (const auto& [dtype, large] : std::vector<std::pair<DType, double>>{
           {f32, 1e20}, {f32, 3e38}, {bf16, 1e20}, {f64, 1e200}, {f16, 60000}}) {
    const Tensor big = (x * large).to(dtype);
    for (const Case& c : cases) {
      // The same numbers, in f64 and smaller by a power of two.
      const double scale = std::exp2(std::round(std::log2(large)));
      const Tensor small = big.to(f64) / scale;
      const double tolerance = dtype == f32 ? 1e-4 : dtype == f64 ? 1e-9 : 0.1;
      const Tensor expected = c.f(small);
      const Tensor actual = c.f(big);
      EXPECT_LT(max(abs(actual.to(f64) - expected)).item<double>(), tolerance) << c.name << large;
      if (size_of(dtype) == 2) continue;
      // dx is smaller by the scale; multiplied back it is that of the small numbers.
      const auto loss = [&](const Tensor& t) {
        const Tensor y = c.f(t);
        return sum(y * reshape(weight, y.shape()).to(t.dtype()));
      };
      const double back = dtype == f32 && large > 1e30 ? 1e15 : 1;  // keeps it above the smallest
      const auto scaled = [&](const Tensor& t) { return loss(t) * back; };
      const Tensor slope = grad(scaled)(big).to(f64) * (scale / back);
      const Tensor wanted = grad(loss)(small);
      const double most = max(abs(wanted)).item<double>();
      const Tensor wrong = abs(slope - wanted) / (most + abs(wanted));
      EXPECT_LT(max(wrong).item<double>(), 1e-3) << c.name << large;
      EXPECT_GT(max(abs(slope)).item<double>(), 0) << c.name << large;
    }
  }
}

TEST(Overflow, GradientsOfNormWeightsOfLargeNumbers) {
  const Tensor x = tensor({{1e20, -1e20, 3e20, 0}, {1, 2, 3, 5}});
  const Tensor ct = tensor({{1, 2, 3, 4}, {1, -1, 2, 1}});
  expect_near(layer_norm(tensor({{1e20, -1e20}})), {1, -1}, 1e-6);
  for (const bool batch : {false, true}) {
    const auto f = [&](const Tensors& t) {
      const Tensor in = batch ? transpose(t[0]) : t[0];
      const Tensor y = batch ? transpose(batch_norm(in, t[1], t[2]).y) : layer_norm(in, t[1], t[2]);
      return sum(y * ct.to(y.dtype()));
    };
    const Tensor w = batch ? tensor({2, 1}) : tensor({1, 2, 1, 1});
    const Tensors slopes = grad(f)(Tensors{x, w, w});
    const Tensors wanted = grad(f)(Tensors{x.to(f64), w.to(f64), w.to(f64)});
    for (const std::size_t i : {1, 2}) {
      expect_near(slopes[i], wanted[i].to_vector<double>(), 1e-4);
    }
    // And once more: finite.
    const auto again = grad([&](const Tensors& t) {
      return sum(square(grad(f)(t)[0] * 1e10)) + sum(grad(f)(t)[1]);
    })(Tensors{x, w, w});
    for (const Tensor& t : again) EXPECT_EQ(first_non_finite({t}).item<std::int64_t>(), -1);
  }
}

// Without an epsilon small numbers are normalised like others, too.
TEST(Overflow, NormalisationOfNumbersWhoseSquaresVanish) {
  const Tensor tiny = tensor({{1e-30, -1e-30, 3e-30, 0}});
  const Tensor none;
  const LayerNormOptions exact{.epsilon = 0};
  const Tensor expected = layer_norm(tiny.to(f64) * 1e30, none, none, exact);
  const Tensor wrong = abs(layer_norm(tiny, none, none, exact).to(f64) - expected);
  EXPECT_LT(max(wrong).item<double>(), 1e-5);
}

TEST(Overflow, SoftmaxAndItsRelativesAtTheEnds) {
  const Tensor ends = tensor({{3e38, -3e38, 3e38}});
  expect_near(softmax(ends), {0.5, 0, 0.5});
  expect_near(logsumexp(ends), {3e38}, 1e-6);
  expect_near(log_softmax(tensor({{3e38, 3e38}})), {-std::log(2), -std::log(2)}, 1e-6);
  expect_near(softmax(tensor({{-kInfinity, 1, 1}})), {0, 0.5, 0.5});
  expect_near(logaddexp(tensor({3e38}), tensor({3e38})), {3e38}, 1e-6);
  EXPECT_EQ(logsumexp(tensor({-kInfinity, -kInfinity})).item<double>(), -kInfinity);
  EXPECT_EQ(logsumexp(tensor({kInfinity, 1})).item<double>(), kInfinity);
}

TEST(Overflow, SlopesOfFunctionsThatGrowSlowly) {
  for (const auto& [d, x] : std::vector<std::pair<DType, double>>{{f32, 1e20}, {f16, 300}}) {
    const Tensor at = full({1}, x, d);
    expect_near(grad([](const Tensor& t) { return sum(asinh(t)); })(at), {1 / x}, 1e-2);
    expect_near(grad([](const Tensor& t) { return sum(acosh(t)); })(at), {1 / x}, 1e-2);
    if (d == f16) {
      expect_near(grad([](const Tensor& t) { return sum(atan(t)); })(at), {1 / (x * x)}, 2e-2);
    }
  }
}

}  // namespace
}  // namespace nacre
