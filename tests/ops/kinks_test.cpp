// Gradients where functions have kinks, where parts of them are not defined, and where what is not
// chosen holds NaN. Values are PyTorch's unless a comment says otherwise.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/nacre.h"
#include "tests/support/samples.h"

namespace nacre::testing {
namespace {

using Doubles = std::vector<double>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

// The gradient of sum(f(x)) in f64, eagerly; compiled it must be the same.
template <class F>
Doubles slopes(F f, const Doubles& x) {
  const auto total = [&](const Tensor& t) { return sum(f(t)); };
  const Tensor at = Tensor::from(x);
  const Doubles eager = grad(total)(at).template to_vector<double>();
  auto compiled = compile([&](const Tensor& t) { return grad(total)(t); });
  EXPECT_EQ(difference(compiled(at), Tensor::from(eager), 1e-14, 1e-300), "");
  return eager;
}

TEST(Kinks, OfClampedActivations) {
  EXPECT_EQ(slopes([](const Tensor& x) { return relu(x); }, {0, -1, 1}), (Doubles{0, 0, 1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return relu6(x); }, {0, 6, 3, 7}), (Doubles{0, 0, 1, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return hard_tanh(x); }, {-1, 1, 0}), (Doubles{0, 0, 1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return hard_sigmoid(x); }, {-3, 3}), (Doubles{0, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return hard_swish(x); }, {-3, 3, 0}),
            (Doubles{0, 1, 0.5}));
  EXPECT_EQ(slopes([](const Tensor& x) { return soft_shrink(x); }, {0.5, -0.5, 1}),
            (Doubles{0, 0, 1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return hard_shrink(x); }, {0.5, -0.5, 1}),
            (Doubles{0, 0, 1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return elu(x, 2); }, {0}), (Doubles{2}));
  EXPECT_EQ(slopes([](const Tensor& x) { return softsign(x); }, {0}), (Doubles{1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return tanh_shrink(x); }, {0}), (Doubles{0}));
}

// Both bounds included, with numbers as with tensors (PyTorch before 2.15 too, with numbers).
TEST(Kinks, OfClamp) {
  EXPECT_EQ(slopes([](const Tensor& x) { return clamp(x, 0, 1); }, {0, 1, 0.5, 2}),
            (Doubles{1, 1, 1, 0}));
  const Tensor low = zeros({4}, f64);
  const Tensor high = ones({4}, f64);
  EXPECT_EQ(slopes([&](const Tensor& x) { return clamp(x, low, high); }, {0, 1, 0.5, 2}),
            (Doubles{1, 1, 1, 0}));
  EXPECT_EQ(slopes([&](const Tensor& l) { return clamp(low + 0.5, l, high); }, {0, 0.5, 0.7, 2}),
            (Doubles{0, 0, 1, 0}));
  EXPECT_EQ(clamp(tensor({1, kNan, 5}, f64), tensor({kNan, 0, 2}, f64), 3).to_vector<double>()[2],
            3);
  EXPECT_TRUE(std::isnan(clamp(tensor({1}, f64), tensor({kNan}, f64), 3).item<double>()));
  EXPECT_TRUE(std::isnan(clamp(tensor({kNan}, f64), tensor({0}, f64), 3).item<double>()));
  EXPECT_EQ(clamp(tensor({1}), tensor({5}), tensor({2})).item<double>(), 2);  // low above high
  EXPECT_EQ(clamp(tensor({9, -9}, i32), tensor({0}, i32), 4).to_vector<double>(), (Doubles{4, 0}));
}

TEST(Kinks, OfArithmetic) {
  EXPECT_EQ(slopes([](const Tensor& x) { return abs(x); }, {0, -2}), (Doubles{0, -1}));
  EXPECT_EQ(slopes([](const Tensor& x) { return max(x); }, {1, 1, 0}), (Doubles{0.5, 0.5, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return norm(x); }, {0, 0}), (Doubles{0, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return norm(x, 1); }, {0, 0}), (Doubles{0, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return norm(x, 3); }, {0, 0}), (Doubles{0, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return standard_deviation(x); }, {2, 2}), (Doubles{0, 0}));
  EXPECT_EQ(slopes([](const Tensor& x) { return sqrt(x); }, {0}), (Doubles{kInfinity}));
  const Tensor zero = zeros({2}, f64);
  // The origin has no direction; PyTorch's hypot gives NaN there.
  EXPECT_EQ(slopes([&](const Tensor& x) { return hypot(x, zero); }, {0, 3}), (Doubles{0, 1}));
  EXPECT_EQ(slopes(
                [&](const Tensor& y) {
                  return atan2(y, tensor({0, 1}, f64));
                },
                {0, 0}),
            (Doubles{0, 1}));
  EXPECT_EQ(slopes(
                [&](const Tensor& x) {
                  return pow(x, tensor({0, 1, 2}, f64));
                },
                {0, 0, 0}),
            (Doubles{0, 1, 0}));
  EXPECT_EQ(slopes(
                [&](const Tensor& b) {
                  return pow(tensor({0, 0, 2}, f64), b);
                },
                {0, 2, 0}),
            (Doubles{0, 0, std::log(2.0)}));
  EXPECT_TRUE(
      std::isnan(slopes([&](const Tensor& b) { return pow(tensor({-1}, f64), b); }, {2})[0]));
  EXPECT_EQ(slopes(
                [&](const Tensor& a) {
                  return xlogy(a, tensor({0, 2}, f64));
                },
                {0, 0}),
            (Doubles{0, std::log(2.0)}));
  // The slope of 0 * log(b) is 0 for every b > 0; PyTorch gives NaN at 0.
  EXPECT_EQ(slopes(
                [&](const Tensor& b) {
                  return xlogy(tensor({0, 0, 1}, f64), b);
                },
                {0, 1, 4}),
            (Doubles{0, 0, 0.25}));
  EXPECT_EQ(slopes([&](const Tensor& a) { return logaddexp(a, a); }, {0}), (Doubles{1}));
  EXPECT_EQ(slopes(
                [&](const Tensor& a) {
                  return logaddexp(a, tensor({0.0, kInfinity}, f64));
                },
                {0, kInfinity}),
            (Doubles{0.5, 0.5}));
  EXPECT_EQ(slopes([](const Tensor& x) { return prod(x); }, {0, 3, 2}), (Doubles{6, 0, 0}));
}

// `where` chooses gradients too, and masked_apply keeps what is left out from its function.
TEST(Unchosen, BranchesGiveNoGradient) {
  const auto chosen = [](const Tensor& x) { return where(x > 0, x, x * kNan); };
  EXPECT_TRUE(std::isnan(slopes(chosen, {-1})[0]));  // chosen: NaN is right
  const auto other = [](const Tensor& y) {
    return where(tensor({1, 0}, boolean), tensor({1, 2}, f64), y);
  };
  EXPECT_EQ(slopes(other, {kNan, kNan}), (Doubles{0, 1}));
  EXPECT_TRUE(std::isnan(slopes([](const Tensor& x) { return where(x > 0, sqrt(x), 0); }, {0})[0]));
  const auto safe = [](const Tensor& x) {
    return masked_apply(x > 0, x, [](const Tensor& v) { return sqrt(v); });
  };
  EXPECT_EQ(slopes(safe, {0, 4, -1}), (Doubles{0, 0.25, 0}));
  const auto logarithm = [](const Tensor& x) {
    return masked_apply(
        x > 0, x, [](const Tensor& v) { return log(v); }, -kInfinity);
  };
  EXPECT_EQ(slopes(logarithm, {kNan, 4, -kInfinity}), (Doubles{0, 0.25, 0}));
  EXPECT_EQ(logarithm(tensor({-1}, f64)).item<double>(), -kInfinity);
}

// Keys that a query does not see hold NaN: neither results nor gradients know, whatever hides them.
TEST(Unchosen, HiddenKeysOfAttention) {
  for (const DType d : {f32, f64}) {
    const auto values = [&](const Shape& shape, std::uint64_t seed) {
      return fill_input({{d, shape}}, seed);
    };
    const Tensor q = values({2, 3, 4}, 1);
    const Tensor k = values({2, 5, 4}, 2);
    const Tensor v = values({2, 5, 6}, 3);
    const Tensor hidden = reshape(arange(5) >= 3, Shape{5, 1});
    const Tensor seen = reshape(arange(5) < 3, Shape{1, 5});
    const Tensor bad_k = where(hidden, kNan, k);
    const Tensor bad_v = where(hidden, kInfinity, v);
    const Tensor additive = where(seen, 0.0, -kInfinity).to(d);
    for (const bool flags : {true, false}) {
      const AttentionOptions options{.mask = flags ? seen : additive};
      const auto f = [&](const Tensors& x) {
        return sum(square(scaled_dot_product_attention(x[0], x[1], x[2], options)));
      };
      EXPECT_EQ(difference(scaled_dot_product_attention(q, bad_k, bad_v, options),
                           scaled_dot_product_attention(q, k, v, options), 1e-5, 1e-6),
                "");
      const Tensors expected = grad(f)(Tensors{q, k, v});
      const Tensors actual = grad(f)(Tensors{q, bad_k, bad_v});
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(difference(actual[i], expected[i], 1e-5, 1e-6), "") << name_of(d) << i;
      }
    }
    // What comes later is not seen, not even as NaN.
    const Tensor late_k = where(hidden, kNan, k);
    const Tensor late =
        scaled_dot_product_attention(k, late_k, where(hidden, kNan, v), {.causal = true});
    const Tensor clean = scaled_dot_product_attention(k, k, v, {.causal = true});
    const std::vector<SliceRange> first = {{0, 2, 1}, {0, 3, 1}, {0, 6, 1}};
    EXPECT_EQ(difference(slice_ranges(late, first), slice_ranges(clean, first), 1e-5, 1e-6), "");
    // A query that sees nothing: zeros, and zero gradients.
    const AttentionOptions nothing{.mask = zeros({3, 5}, boolean)};
    const auto f = [&](const Tensor& b) {
      return sum(scaled_dot_product_attention(q, b, bad_v, nothing));
    };
    EXPECT_EQ(f(bad_k).item<double>(), 0);
    EXPECT_EQ(max(abs(grad(f)(bad_k))).item<double>(), 0);
  }
}

// Nor do gradients of gradients know what hidden keys hold; and those that are seen still tell.
TEST(Unchosen, HiddenKeysOfAttentionAtSecondOrder) {
  const auto values = [&](const Shape& shape, std::uint64_t seed) {
    return fill_input({{f64, shape}}, seed);
  };
  const Tensor q = values({2, 5, 4}, 1);
  const Tensor k = values({2, 5, 4}, 2);
  const Tensor v = values({2, 5, 6}, 3);
  const Tensor hidden = reshape(arange(5) >= 3, Shape{5, 1});
  const Tensor seen = reshape(arange(5) < 3, Shape{1, 5});
  const Tensor bad_k = where(hidden, kNan, k);
  const Tensor bad_v = where(hidden, kInfinity, v);
  const Tensor additive = where(seen, 0.0, -kInfinity).to(f64);
  const auto twice = [&](const AttentionOptions& options, const Tensors& x) {
    const auto first = grad([&](const Tensors& t) {
      return sum(square(scaled_dot_product_attention(t[0], t[1], t[2], options)));
    });
    return grad([&](const Tensors& t) {
      Tensor total;
      const Tensors slopes = first(t);
      for (const Tensor& s : slopes) {
        const Tensor part = sum(square(where(is_finite(s), s, 0)));
        total = total.defined() ? total + part : part;
      }
      return total;
    })(x);
  };
  for (const bool flags : {true, false}) {
    const AttentionOptions options{.mask = flags ? seen : additive};
    const Tensors expected = twice(options, {q, k, v});
    const Tensors actual = twice(options, {q, bad_k, bad_v});
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(difference(actual[i], expected[i], 1e-9, 1e-12), "") << i;
    }
  }
  // Causal: the last key, NaN, spoils the last query, which sees it, and no other.
  const Tensor last = reshape(equal(arange(5), 4), Shape{5, 1});
  const auto rows = [](const Tensor& t) { return t.index({slice(), slice(0, 4)}); };
  const auto of_queries = [&](const Tensors& x) {
    const auto first = grad([&](const Tensors& t) {
      return sum(square(rows(scaled_dot_product_attention(t[0], t[1], t[2], {.causal = true}))));
    });
    return grad([&](const Tensors& t) { return sum(square(rows(first(t)[0]))); })(x)[0];
  };
  const Tensor spoilt = of_queries({q, where(last, kNan, k), v});
  EXPECT_EQ(difference(rows(spoilt), rows(of_queries({q, k, v})), 1e-9, 1e-12), "");
  EXPECT_TRUE(std::isnan(spoilt.index({Index(0), Index(4), Index(0)}).item<double>()));
}

// The nearest pixel does not change with the place: its gradient is 0, as in PyTorch.
TEST(GridSample, NearestHasNoSlopeInTheGrid) {
  const Tensor x = arange(9, f32).reshape({1, 1, 3, 3});
  const Tensor grid = tensor({-0.9, -0.9, 0.1, 0.4, 2, 2, kNan, 0}).reshape({1, 1, 4, 2});
  for (const bool border : {false, true}) {
    const GridSampleOptions options{.nearest = true, .border = border};
    const auto f = [&](const Tensor& p, const Tensor& g) {
      return sum(square(grid_sample(p, g, options)));
    };
    EXPECT_EQ(grad([&](const Tensor& g) { return f(x, g); })(grid).to_vector<float>(),
              std::vector<float>(8));
    const Tensors both = grad([&](const Tensors& t) { return f(t[0], t[1]); })(Tensors{x, grid});
    EXPECT_EQ(both[1].to_vector<float>(), std::vector<float>(8));
    EXPECT_GT(sum(abs(both[0])).item(), 0);
    EXPECT_EQ(compile(grad([&](const Tensor& g) { return f(x, g); }))(grid).to_vector<float>(),
              std::vector<float>(8));
    // Of the grid alone, where nothing else has a gradient, at a constant picture.
    GradientTape tape;
    const Tensor watched = tape.watch(identity(grid));
    EXPECT_EQ(tape.gradient(sum(grid_sample(x, watched, options)), watched).to_vector<float>(),
              std::vector<float>(8));
  }
}

// Values and gradients of the grid as PyTorch's, but for places that are not finite, where its
// bilinear sampling gives NaN or crashes.
TEST(GridSample, AtAndBeyondTheBorder) {
  const Tensor x = arange(4, f32).reshape({1, 1, 2, 2});
  const Tensor grid = tensor({-1, -1, 1, 1, kInfinity, 0, -kInfinity, 0, kNan, 0, 0, kNan, 0.25, 1})
                          .reshape({1, 1, 7, 2});
  using Floats = std::vector<float>;
  const auto at = [&](const GridSampleOptions& o) {
    return grid_sample(x, grid, o).to_vector<float>();
  };
  const auto slope = [&](const GridSampleOptions& o) {
    return grad([&](const Tensor& g) { return sum(grid_sample(x, g, o)); })(grid)
        .to_vector<float>();
  };
  for (const bool corners : {true, false}) {
    const GridSampleOptions nearest{.nearest = true, .align_corners = corners};
    const GridSampleOptions border{.nearest = true, .border = true, .align_corners = corners};
    EXPECT_EQ(at(nearest), corners ? (Floats{0, 3, 0, 0, 0, 0, 3}) : Floats(7));
    EXPECT_EQ(at(border), (Floats{0, 3, 1, 0, 0, 0, 3}));
  }
  EXPECT_EQ(at({.align_corners = true}), (Floats{0, 3, 0, 0, 0, 0, 2.625}));
  EXPECT_EQ(slope({.align_corners = true}),
            (Floats{0.5, 1, -1.5, -1.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, -1.3125}));
  EXPECT_EQ(at({}), (Floats{0, 0.75, 0, 0, 0, 0, 1.375}));
  EXPECT_EQ(slope({}), (Floats{0, 0, -1.5, -1.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5, -2.75}));
  // With `border` the outermost pixels are flat: no half gradient at -1 and 1.
  EXPECT_EQ(at({.border = true, .align_corners = true}), (Floats{0, 3, 2, 1, 1, 0.5, 2.625}));
  EXPECT_EQ(slope({.border = true, .align_corners = true}),
            (Floats{0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0.5, 0, 0.5, 0}));
}

}  // namespace
}  // namespace nacre::testing
