// Random ops: known words, the documented layout, moments and Kolmogorov-Smirnov distances at fixed
// seeds, and the same bits whatever the number of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "nacre/base/random.h"
#include "nacre/base/threads.h"
#include "nacre/nacre.h"
#include "nacre/ops/elementwise/special_math.h"

namespace nacre {
namespace {

constexpr std::int64_t kMany = 20000;

Tensor key(std::int64_t seed, std::int64_t stream = 0) {
  return Tensor::from(std::vector<std::int64_t>{seed, stream});
}

// The largest distance between the empirical distribution and `cdf`, times sqrt(n); beyond 1.95
// one sample in a thousand.
template <class F>
double kolmogorov_smirnov(const Tensor& draws, F&& cdf) {
  std::vector<double> x = draws.to_vector<double>();
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(x[i]);
    worst = std::max({worst, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return worst * std::sqrt(n);
}

double normal_cdf(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

// P(a, x) by its series.
double gamma_cdf(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (int n = 1; n < 2000; ++n) sum += term *= x / (a + n);
  return std::exp(a * std::log(x) - x - std::lgamma(a)) * sum;
}

double average(const Tensor& t) { return mean(t.to(f64)).item<double>(); }
double spread(const Tensor& t) {
  const double m = average(t);
  return mean(square(t.to(f64) - m)).item<double>();
}

// The known answers of the Random123 library, kat_vectors, philox4x32 10.
TEST(Philox, KnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox(0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox(~0ull, ~0ull, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UniformFollowsTheDocumentedLayout) {
  const Tensor x = random_uniform(key(7, 3), {9});
  for (std::uint64_t i = 0; i < 9; ++i) {
    const auto expected = static_cast<float>(philox(7, 3, i / 4)[i % 4] >> 8) * 0x1p-24f;
    EXPECT_EQ(x.data<float>()[i], expected) << i;
  }
  const Tensor wide = random_uniform(key(7, 3), {3}, 0, 1, f64);
  const auto words = philox(7, 3, 1);
  EXPECT_EQ(wide.data<double>()[2], uniform_from_bits(words[0], words[1]));
  const Tensor whole = random_integers(key(7, 3), {3}, 0, 1ll << 32);
  EXPECT_EQ(whole.data<std::int64_t>()[2], words[0]);
}

TEST(Random, SameKeySameBitsForAnyThreads) {
  const int before = threads();
  const auto draw = [] {
    return Tensors{random_normal(key(1), {1001}), random_uniform(key(1), {1001}),
                   random_gamma(key(1), {1001}, 0.7), dropout(ones({1001}), 0.3, key(1)),
                   random_permutation(key(1), 1001)};
  };
  set_threads(1);
  const Tensors one = draw();
  set_threads(2);
  const Tensors two = draw();
  set_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].to_vector<double>(), two[i].to_vector<double>()) << i;
  }
  EXPECT_NE(random_normal(key(1, 1), {9}).to_vector<double>(),
            random_normal(key(1, 0), {9}).to_vector<double>());
}

TEST(Random, UniformIsUniform) {
  for (const DType d : {f32, f64}) {
    const Tensor x = random_uniform(key(11), {kMany}, -1, 3, d);
    EXPECT_LT(kolmogorov_smirnov(x, [](double v) { return (v + 1) / 4; }), 1.95);
    EXPECT_NEAR(average(x), 1, 0.03);
    EXPECT_NEAR(spread(x), 16.0 / 12, 0.03);
  }
  for (const DType d : {bf16, f16}) {
    const Tensor x = random_uniform(key(12), {kMany}, 0, 1, d);
    EXPECT_LT(max(x.to(f32)).item(), 1);
    EXPECT_GE(min(x.to(f32)).item(), 0);
    EXPECT_NEAR(average(x), 0.5, 0.01);
  }
}

TEST(Random, NormalIsNormal) {
  for (const DType d : {f32, f64}) {
    const Tensor x = random_normal(key(13), {kMany}, 0, 1, d);
    EXPECT_LT(kolmogorov_smirnov(x, normal_cdf), 1.95);
    EXPECT_NEAR(average(x), 0, 0.02);
    EXPECT_NEAR(spread(x), 1, 0.03);
    EXPECT_NEAR(average(x * x * x), 0, 0.08);
    EXPECT_NEAR(average(square(square(x))), 3, 0.2);
    // Neighbours, which share a pair of words, are independent.
    const std::vector<double> v = x.to_vector<double>();
    double product = 0;
    for (std::size_t i = 0; i + 1 < v.size(); ++i) product += v[i] * v[i + 1];
    EXPECT_NEAR(product / kMany, 0, 0.02);
  }
  EXPECT_NEAR(average(random_normal(key(14), {kMany}, 5, 0.1)), 5, 0.01);
  EXPECT_NEAR(spread(random_normal(key(14), {kMany}, 5, 0.1)), 0.01, 0.001);
}

TEST(Random, TruncatedNormalStaysWithin) {
  const Tensor x = random_truncated_normal(key(15), {kMany}, 1, 2);
  EXPECT_GE(min(x).item(), -3);
  EXPECT_LE(max(x).item(), 5);
  const double low = normal_cdf(-2);
  const double width = normal_cdf(2) - low;
  EXPECT_LT(
      kolmogorov_smirnov(x, [&](double v) { return (normal_cdf((v - 1) / 2) - low) / width; }),
      1.95);
  // Keras' correction: the deviation of a normal cut at two.
  EXPECT_NEAR(std::sqrt(spread(x)) / 2, 0.87962566, 0.01);
  // A far tail, on either side.
  const Tensor right = random_truncated_normal(key(15), {2000}, 0, 1, 8, 9, f64);
  EXPECT_GE(min(right).item<double>(), 8);
  EXPECT_LE(max(right).item<double>(), 9);
  EXPECT_NEAR(average(right), 8.1213, 0.01);
  EXPECT_NEAR(average(random_truncated_normal(key(15), {2000}, 0, 1, -9, -8, f64)), -8.1213, 0.01);
}

TEST(Random, ExponentialAndGumbel) {
  const Tensor e = random_exponential(key(16), {kMany});
  EXPECT_LT(kolmogorov_smirnov(e, [](double v) { return -std::expm1(-v); }), 1.95);
  EXPECT_GT(min(e).item(), 0);
  const Tensor g = random_gumbel(key(17), {kMany});
  EXPECT_LT(kolmogorov_smirnov(g, [](double v) { return std::exp(-std::exp(-v)); }), 1.95);
}

TEST(Random, IntegersCoverTheirRange) {
  const Tensor x = random_integers(key(18), {kMany}, -3, 4, i32);
  std::vector<int> count(7);
  for (const std::int32_t v : x.data<std::int32_t>()) {
    ASSERT_GE(v, -3);
    ASSERT_LT(v, 4);
    ++count[static_cast<std::size_t>(v + 3)];
  }
  double chi = 0;
  for (const int c : count) chi += (c - kMany / 7.0) * (c - kMany / 7.0) / (kMany / 7.0);
  EXPECT_LT(chi, 22.5);  // 6 degrees of freedom, one in a thousand
  const Tensor bytes = random_integers(key(18), {kMany}, 0, 256, u8);
  EXPECT_EQ(max(bytes.to(i32)).item<int>(), 255);
  EXPECT_EQ(min(bytes.to(i32)).item<int>(), 0);
}

TEST(Random, BernoulliFollowsItsProbabilities) {
  EXPECT_NEAR(average(random_bernoulli(key(19), {kMany}, 0.3)), 0.3, 0.012);
  EXPECT_EQ(average(random_bernoulli(key(19), {kMany}, 0)), 0);
  EXPECT_EQ(average(random_bernoulli(key(19), {kMany}, 1)), 1);
  const Tensor each =
      random_bernoulli(key(20), {5000, 3}, tensor({0.1, 0.5, 0.9}), boolean).to(f64).mean({0});
  EXPECT_NEAR(each.to_vector<double>()[0], 0.1, 0.015);
  EXPECT_NEAR(each.to_vector<double>()[1], 0.5, 0.025);
  EXPECT_NEAR(each.to_vector<double>()[2], 0.9, 0.015);
}

TEST(Random, PermutationsAreFair) {
  std::vector<std::int64_t> sorted(100);
  std::iota(sorted.begin(), sorted.end(), 0);
  std::vector<std::int64_t> p = random_permutation(key(21), 100).to_vector<std::int64_t>();
  EXPECT_NE(p, sorted);
  std::sort(p.begin(), p.end());
  EXPECT_EQ(p, sorted);
  std::vector<int> count(6);
  for (int i = 0; i < 6000; ++i) {
    const auto q = random_permutation(key(22, i), 3).to_vector<std::int64_t>();
    ++count[static_cast<std::size_t>(q[0] * 2 + (q[1] > q[2]))];
  }
  double chi = 0;
  for (const int c : count) chi += (c - 1000.0) * (c - 1000.0) / 1000;
  EXPECT_LT(chi, 20.5);  // 5 degrees of freedom, one in a thousand
}

TEST(Random, CategoricalFollowsTheLogits) {
  const Tensor logits = log(tensor({{1, 2, 3, 4}, {4, 3, 2, 1}}));
  const Tensor drawn = random_categorical(key(23), logits, kMany);
  EXPECT_EQ(drawn.shape(), (Shape{2, kMany}));
  for (int k = 0; k < 4; ++k) {
    const Tensor share = equal(drawn, k).to(f64).mean({1});
    EXPECT_NEAR(share.to_vector<double>()[0], 0.1 * (k + 1), 0.013) << k;
    EXPECT_NEAR(share.to_vector<double>()[1], 0.1 * (4 - k), 0.013) << k;
  }
  EXPECT_EQ(random_categorical(key(23), logits).shape(), (Shape{2}));
  // What has no probability is never drawn.
  const Tensor one = tensor({-INFINITY, 2, -INFINITY});
  EXPECT_EQ(average(random_categorical(key(24), one, 1000)), 1);
}

TEST(Random, GammaIsGamma) {
  for (const double a : {0.2, 0.9, 1.0, 2.5, 30.0}) {
    const Tensor x = random_gamma(key(25), {kMany}, Tensor::scalar(a, f64));
    EXPECT_LT(kolmogorov_smirnov(x, [&](double v) { return gamma_cdf(a, v); }), 1.95) << a;
    EXPECT_NEAR(average(x), a, 0.03 * std::sqrt(a)) << a;
    EXPECT_NEAR(spread(x), a, 0.09 * a + 0.03) << a;
  }
  EXPECT_EQ(random_gamma(key(25), {4}, 2).dtype(), f32);
  EXPECT_GT(min(random_gamma(key(25), {1000}, 1e-3)).item(), 0);
}

// dz/da at fixed P(a, z) against differences of the distribution function.
TEST(Random, GammaDerivativeIsImplicit) {
  for (const double a : {0.3, 1.0, 3.0, 20.0}) {
    const double s = std::sqrt(a);
    for (const double z : {0.05 * a, 0.5 * a, a, a + 2 * s + 0.5, a + 3.5 * s + 1}) {
      const double h = 1e-5 * a;
      const double dp = (gamma_cdf(a + h, z) - gamma_cdf(a - h, z)) / (2 * h);
      const double density = std::exp((a - 1) * std::log(z) - z - std::lgamma(a));
      EXPECT_NEAR(gamma_sample_derivative(a, z), -dp / density, 1e-4 * (1 + dp / density * -1))
          << a << " " << z;
    }
  }
  // Continuous where the large-concentration formula takes over.
  EXPECT_NEAR(gamma_sample_derivative(99999, 99500), gamma_sample_derivative(100001, 99502), 1e-5);
}

TEST(Random, GammaGradientHasTheRightMean) {
  // E z = a, so the mean of dz/da is 1.
  const auto f = [](const Tensor& a) { return mean(random_gamma(key(26), {kMany}, a)); };
  EXPECT_NEAR(grad(f)(Tensor::scalar(2.5, f64)).item<double>(), 1, 0.02);
  EXPECT_NEAR(grad(f)(Tensor::scalar(0.4, f64)).item<double>(), 1, 0.05);
}

TEST(Random, NormalIsReparameterisedByArithmetic) {
  const auto f = [](const Tensor& scale) {
    return mean(square(3 + scale * random_normal(key(27), {kMany}, 0, 1, f64)));
  };
  // d/ds E (3 + s e)^2 = 2 s.
  EXPECT_NEAR(grad(f)(Tensor::scalar(2, f64)).item<double>(), 4, 0.15);
}

TEST(Random, GumbelSoftmaxLetsGradientsThrough) {
  const Tensor logits = tensor({{0.5, 1, -1}, {2, 0, 0}}, f64);
  const Tensor soft = gumbel_softmax(key(28), logits, 0.5);
  EXPECT_TRUE(all_close(soft.sum({1}), ones({2}, f64)).item<bool>());
  const Tensor hard = gumbel_softmax(key(28), logits, 0.5, true);
  EXPECT_EQ(argmax(hard, 1).to_vector<std::int64_t>(), argmax(soft, 1).to_vector<std::int64_t>());
  EXPECT_TRUE(all_close(hard, equal(hard, max(hard, {1}, true))).item<bool>());
  const Tensor weights = tensor({1, 2, 3}, f64);
  const auto through = [&](bool h) {
    return grad([&](const Tensor& x) { return sum(gumbel_softmax(key(28), x, 0.5, h) * weights); })(
        logits);
  };
  EXPECT_TRUE(all_close(through(true), through(false)).item<bool>());
  EXPECT_GT(sum(abs(through(true))).item(), 0);
}

TEST(Random, SplitKeysAreDistinct) {
  const Tensor keys = split_key(key(5), 1000);
  EXPECT_EQ(keys.shape(), (Shape{1000, 2}));
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  const auto v = keys.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < v.size(); i += 2) seen.insert({v[i], v[i + 1]});
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace nacre
