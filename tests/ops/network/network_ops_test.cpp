// Norms, cross-entropy, attention and sampling of images against formulas and values by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/nacre.h"
#include "tests/support/samples.h"

namespace nacre {
namespace {

using testing::difference;
using Floats = std::vector<float>;

Tensor random(const Shape& shape, std::uint64_t seed, DType dtype = f32) {
  return testing::fill_input({{dtype, shape}, -1, 1}, seed);
}

Tensor standard(const Tensor& x, const std::vector<int>& axes, double epsilon = 1e-5) {
  const Tensor centred = x - mean(x, axes, true);
  return centred / sqrt(mean(square(centred), axes, true) + epsilon);
}

TEST(Norm, FollowTheirFormulas) {
  const Tensor x = random({3, 6, 5, 4}, 1) * 3 + 2;
  const Tensor w = random({6}, 2);
  const Tensor b = random({6}, 3);
  const Tensor wc = reshape(w, Shape{6, 1, 1});
  const Tensor bc = reshape(b, Shape{6, 1, 1});
  EXPECT_EQ(difference(batch_norm(x, w, b).y, standard(x, {0, 2, 3}) * wc + bc, 1e-4, 1e-5), "");
  EXPECT_EQ(difference(instance_norm(x, w, b), standard(x, {2, 3}) * wc + bc, 1e-4, 1e-5), "");
  const Tensor grouped =
      reshape(standard(reshape(x, Shape{3, 2, 3, 5, 4}), {2, 3, 4}), x.shape()) * wc + bc;
  EXPECT_EQ(difference(group_norm(x, 2, w, b), grouped, 1e-4, 1e-5), "");
  const Tensor last = x.transpose({0, 2, 3, 1});
  EXPECT_EQ(difference(group_norm(last, 2, w, b, {.channels_last = true}),
                       grouped.transpose({0, 2, 3, 1}), 1e-4, 1e-5),
            "");
  EXPECT_EQ(difference(batch_norm(last, w, b, {.channels_last = true}).y,
                       batch_norm(x, w, b).y.transpose({0, 2, 3, 1}), 1e-4, 1e-5),
            "");
  const Tensor v = random({4}, 4);
  EXPECT_EQ(difference(layer_norm(x, v, v), standard(x, {-1}) * v + v, 1e-4, 1e-5), "");
  EXPECT_EQ(
      difference(rms_norm(x, v), x * rsqrt(mean(square(x), {-1}, true) + 1e-5) * v, 1e-4, 1e-5),
      "");
}

TEST(Norm, StatisticsServeInference) {
  const Tensor x = random({8, 3, 5}, 5) * 2 - 1;
  const auto [y, mu, variance] = batch_norm(x);
  EXPECT_EQ(mu.shape(), (Shape{3}));
  EXPECT_EQ(difference(mu, mean(x, {0, 2}), 1e-5, 1e-6), "");
  EXPECT_EQ(difference(batch_norm_inference(x, mu, variance), y, 1e-4, 1e-5), "");
}

TEST(Norm, AFarMeanDoesNotDrownTheVariance) {
  const Tensor x = random({4, 256}, 6) + 1000;
  EXPECT_EQ(difference(layer_norm(x), layer_norm(x.to(f64)).to(f32), 1e-3, 1e-2), "");
}

TEST(Norm, AZeroWeightStopsItsChannelOnly) {
  const Tensor x = random({3, 2, 4}, 7);
  const Tensor w = tensor({0, 2});
  const auto f = [&](const Tensor& t, const Tensor& v) {
    return sum(square(batch_norm(t, v).y + 1));
  };
  const auto slope = [&](DType d) {
    GradientTape tape;
    const Tensor t = tape.watch(x.to(d));
    const Tensor v = tape.watch(w.to(d));
    return tape.gradient(f(t, v), t, v);
  };
  const auto single = slope(f32);
  const auto wide = slope(f64);
  EXPECT_EQ(difference(single[0], wide[0].to(f32), 1e-4, 1e-5), "");
  EXPECT_EQ(difference(single[1], wide[1].to(f32), 1e-4, 1e-5), "");
}

TEST(CrossEntropy, IsTheNegativeLogLikelihood) {
  const Tensor x = random({5, 7}, 8) * 4;
  const Tensor labels = tensor({0, 6, 3, 3, 1}, i64);
  const Tensor hot = equal(expand_dims(labels, {1}), arange(7)).to(f32);
  const Tensor expected = -sum(hot * log_softmax(x), {1});
  EXPECT_EQ(difference(softmax_cross_entropy(x, labels), expected, 1e-5, 1e-6), "");
  EXPECT_EQ(difference(softmax_cross_entropy(x, labels.to(i32)), expected, 1e-5, 1e-6), "");
  EXPECT_EQ(difference(softmax_cross_entropy(x, hot), expected, 1e-5, 1e-6), "");
  const CrossEntropyOptions smooth{.label_smoothing = 0.2};
  EXPECT_EQ(difference(softmax_cross_entropy(x, labels, smooth),
                       softmax_cross_entropy(x, hot, smooth), 1e-5, 1e-6),
            "");
}

TEST(CrossEntropy, IgnoredPlacesCountNothing) {
  const Tensor x = random({3, 4}, 9);
  const Tensor labels = tensor({1, -100, 2}, i64);
  const auto [loss, slope] =
      value_and_grad([&](const Tensor& t) { return sum(softmax_cross_entropy(t, labels)); })(x);
  const std::vector<float> g = slope.to_vector<float>();
  for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(g[i], 0);
  EXPECT_NE(g[0], 0);
  EXPECT_EQ(softmax_cross_entropy(x, labels).to_vector<float>()[1], 0);
}

TEST(CrossEntropy, HugeLogitsStayFinite) {
  const Tensor x = tensor({{1e30, 0}, {-1e30, 1e30}});
  EXPECT_EQ(softmax_cross_entropy(x, tensor({0, 1}, i64)).to_vector<float>(), (Floats{0, 0}));
  const Tensor far = tensor({200, -200, 200, -200});
  const Tensor t = tensor({1, 0, 0, 1});
  EXPECT_EQ(binary_cross_entropy_with_logits(far, t).to_vector<float>(), (Floats{0, 0, 200, 200}));
  const Tensor near = random({9}, 10);
  const Tensor targets = testing::fill_input({{f32, {9}}, 0, 1}, 11);
  const Tensor p = sigmoid(near);
  EXPECT_EQ(difference(binary_cross_entropy_with_logits(near, targets, 3),
                       -(3 * targets * log(p) + (1 - targets) * log(1 - p)), 1e-4, 1e-5),
            "");
}

TEST(CrossEntropy, ALabelOutsideIsAnError) {
  for (const DType d : {f32, f64}) {
    try {
      softmax_cross_entropy({random({2, 4}, 12, d), Location("net.cpp", 7)}, tensor({1, 4}, i64));
      FAIL() << "no error";
    } catch (const ValueError& e) {
      EXPECT_STREQ(
          e.what(),
          "softmax_cross_entropy: the target in row 1 is 4, a class from 0 to 3 is expected\n"
          "  called at net.cpp:7\n"
          "  hint: predictions have one score a class; numbers to be met go with mse or mae");
    }
  }
}

TEST(Softmax, AllAxesAgree) {
  const Tensor x = random({5, 6, 19}, 13) * 5;
  for (const int axis : {0, 1, 2}) {
    EXPECT_EQ(difference(softmax(x, axis), softmax(x.to(f64), axis).to(f32), 1e-5, 1e-7), "");
    EXPECT_EQ(difference(log_softmax(x, axis), log_softmax(x.to(f64), axis).to(f32), 1e-5, 1e-5),
              "");
  }
}

Tensor plain_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  return matmul(softmax(matmul(q, k, {.transpose_b = true}) * scale + bias), v);
}

TEST(Attention, EqualsSoftmaxOfProducts) {
  // More queries than one block holds, and sizes that divide by nothing.
  const Tensor q = random({2, 211, 19}, 14);
  const Tensor k = random({2, 401, 19}, 15);
  const Tensor v = random({2, 401, 23}, 16);
  EXPECT_EQ(difference(scaled_dot_product_attention(q, k, v), plain_attention(q, k, v, zeros({1})),
                       1e-4, 1e-5),
            "");
  const auto slopes = [&](auto&& f) {
    GradientTape tape;
    const Tensor a = tape.watch(identity(q));
    const Tensor b = tape.watch(identity(k));
    const Tensor c = tape.watch(identity(v));
    return tape.gradient(sum(square(f(a, b, c))), a, b, c);
  };
  const auto actual = slopes([](const Tensor& a, const Tensor& b, const Tensor& c) {
    return scaled_dot_product_attention(a, b, c);
  });
  const auto expected = slopes([](const Tensor& a, const Tensor& b, const Tensor& c) {
    return plain_attention(a, b, c, zeros({1}));
  });
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(difference(actual[i], expected[i], 1e-3, 1e-5), "") << i;
  }
}

TEST(Attention, CausalIsAMask) {
  const Tensor q = random({3, 97, 8}, 17);
  const Tensor places = arange(97);
  const Tensor visible = less_equal(reshape(places, Shape{1, 97}), reshape(places, Shape{97, 1}));
  EXPECT_EQ(difference(scaled_dot_product_attention(q, q, q, {.causal = true}),
                       scaled_dot_product_attention(q, q, q, {.mask = visible}), 1e-5, 1e-6),
            "");
}

TEST(Attention, FewerHeadsOfKeysServeSeveral) {
  const Tensor q = random({2, 6, 5, 4}, 18);
  const Tensor k = random({2, 3, 7, 4}, 19);
  const Tensor shared = scaled_dot_product_attention(q, k, k);
  const Tensor twice =
      reshape(broadcast_to(expand_dims(k, {2}), Shape{2, 3, 2, 7, 4}), Shape{2, 6, 7, 4});
  EXPECT_EQ(difference(shared, scaled_dot_product_attention(q, twice, twice), 0, 0), "");
}

TEST(Attention, AQueryWithoutKeysGivesZeros) {
  const Tensor q = random({2, 4}, 20);
  const Tensor nothing = tensor({{0, 0}, {1, 0}}, boolean);
  const std::vector<float> o =
      scaled_dot_product_attention(q, q, q, {.mask = nothing}).to_vector<float>();
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(o[i], 0);
  EXPECT_EQ(o[4], q.to_vector<float>()[0]);
}

TEST(Resize, ValuesOfSmallImages) {
  const Tensor x = reshape(tensor({1, 2, 3, 4}), Shape{1, 1, 2, 2});
  EXPECT_EQ(resize(x, 4).to_vector<float>(), (Floats{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5,
                                                     2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}));
  EXPECT_EQ(resize(x, {2, 3}, {.align_corners = true}).to_vector<float>(),
            (Floats{1, 1.5, 2, 3, 3.5, 4}));
  EXPECT_EQ(resize(x, {1, 4}, {.mode = ResizeMode::nearest}).to_vector<float>(),
            (Floats{1, 1, 2, 2}));
  EXPECT_EQ(resize_by(x, {2}, {.mode = ResizeMode::nearest_exact}).shape(), (Shape{1, 1, 4, 4}));
  // A cubic keeps straight lines straight away from the border.
  const Tensor line = reshape(arange(0, 8), Shape{1, 1, 8});
  const std::vector<float> y = resize(line, 16, {.mode = ResizeMode::cubic}).to_vector<float>();
  EXPECT_NEAR(y[7] - y[6], 0.5, 0.1);
  EXPECT_NEAR(y[7], 3.25, 0.05);
}

TEST(Resize, PixelsMoveBetweenChannelsAndSpace) {
  const Tensor x = random({2, 12, 3, 5}, 21);
  const Tensor y = pixel_shuffle(x, 2);
  EXPECT_EQ(y.shape(), (Shape{2, 3, 6, 10}));
  EXPECT_EQ(difference(pixel_unshuffle(y, 2), x, 0, 0), "");
  EXPECT_EQ(y.to_vector<float>()[1], x.to_vector<float>()[15]);
}

TEST(GridSample, TheIdentityGridGivesTheImage) {
  const Tensor x = random({2, 3, 4, 5}, 22);
  const Tensor theta = broadcast_to(tensor({{1, 0, 0}, {0, 1, 0}}), Shape{2, 2, 3});
  for (const bool corners : {false, true}) {
    const Tensor grid = affine_grid(theta, 4, 5, corners);
    for (const bool nearest : {false, true}) {
      EXPECT_EQ(difference(grid_sample(x, grid, {.nearest = nearest, .align_corners = corners}), x,
                           1e-5, 1e-5),
                "");
    }
  }
}

TEST(GridSample, OutsideIsZeroOrTheBorder) {
  const Tensor x = reshape(tensor({1, 2, 3, 4}), Shape{1, 1, 2, 2});
  const Tensor grid = reshape(tensor({-5, -5, 0, 0, 5, 5}), Shape{1, 1, 3, 2});
  EXPECT_EQ(grid_sample(x, grid).to_vector<float>(), (Floats{0, 2.5, 0}));
  EXPECT_EQ(grid_sample(x, grid, {.border = true}).to_vector<float>(), (Floats{1, 2.5, 4}));
}

TEST(GridSample, GradientsOfImageAndGrid) {
  const Tensor x = random({1, 2, 4, 5}, 23, f64);
  const Tensor grid = random({1, 3, 2, 2}, 24, f64) * 0.8;
  const auto f = [](const Tensor& a, const Tensor& g) { return sum(square(grid_sample(a, g))); };
  GradientTape tape;
  const Tensor a = tape.watch(identity(x));
  const Tensor g = tape.watch(identity(grid));
  const auto slopes = tape.gradient(f(a, g), a, g);
  for (const std::size_t which : {0u, 1u}) {
    const Tensor& base = which == 0 ? x : grid;
    for (std::int64_t i = 0; i < base.elements(); i += 3) {
      const auto at = [&](double delta) {
        Tensor moved = base.clone();
        moved.mutable_data<double>()[static_cast<std::size_t>(i)] += delta;
        return (which == 0 ? f(moved, grid) : f(x, moved)).item<double>();
      };
      EXPECT_NEAR(slopes[which].to_vector<double>()[static_cast<std::size_t>(i)],
                  (at(1e-6) - at(-1e-6)) / 2e-6, 1e-6);
    }
  }
}

}  // namespace
}  // namespace nacre
