// Convolutions and pools: values by hand, layouts and kernels against each other.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/kernels/registry.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/samples.h"

namespace nacre {
namespace {

using testing::difference;
using Floats = std::vector<float>;

Tensor random(const Shape& shape, std::uint64_t seed, DType dtype = f32) {
  return testing::fill_input({{dtype, shape}, -1, 1}, seed);
}

Tensor image_of(std::initializer_list<float> values, const Shape& shape) {
  return Tensor::from(std::vector<float>(values), shape);
}

TEST(Conv, OneDimensionByHand) {
  const Tensor x = image_of({1, 2, 3, 4}, {1, 1, 4});
  const Tensor w = image_of({1, 10}, {1, 1, 2});
  EXPECT_EQ(conv(x, w).to_vector<float>(), (Floats{21, 32, 43}));
  EXPECT_EQ(conv(x, w, tensor({100})).to_vector<float>(), (Floats{121, 132, 143}));
  EXPECT_EQ(conv(x, w, {.stride = 2}).to_vector<float>(), (Floats{21, 43}));
  EXPECT_EQ(conv(x, w, {.padding = 1}).to_vector<float>(), (Floats{10, 21, 32, 43, 4}));
  EXPECT_EQ(conv(x, w, {.padding = kSame}).to_vector<float>(), (Floats{21, 32, 43, 4}));
  EXPECT_EQ(conv(x, w, {.dilation = 2}).to_vector<float>(), (Floats{31, 42}));
  EXPECT_EQ(conv(x, w, {.padding = Padding::pairs({{2, 0}})}).to_vector<float>(),
            (Floats{0, 10, 21, 32, 43}));
}

TEST(Conv, SameKeepsTheSizeDividedByTheStride) {
  for (const std::int64_t size : {7, 8, 9}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      const Tensor y =
          conv(ones({1, 1, size, size}), ones({1, 1, 3, 2}), {.stride = stride, .padding = kSame});
      EXPECT_EQ(y.size(2), (size + stride - 1) / stride);
      EXPECT_EQ(y.size(3), (size + stride - 1) / stride);
      const Tensor z = conv_transpose(ones({1, 1, size, size}), ones({1, 1, 3, 2}),
                                      {.stride = stride, .padding = kSame});
      EXPECT_EQ(z.size(2), size * stride);
    }
  }
}

TEST(Conv, GroupsAreSeparateConvolutions) {
  const Tensor x = random({2, 4, 6, 6}, 1);
  const Tensor w = random({6, 2, 3, 3}, 2);
  // The same as one convolution whose weights between the groups are zero.
  Tensor full(Spec{f32, {6, 4, 3, 3}});
  const std::span<float> to = full.mutable_data<float>();
  const std::span<const float> from = w.data<float>();
  for (std::size_t o = 0; o < 6; ++o) {
    for (std::size_t c = 0; c < 4; ++c) {
      for (std::size_t k = 0; k < 9; ++k) {
        to[(o * 4 + c) * 9 + k] = o / 3 == c / 2 ? from[(o * 2 + c % 2) * 9 + k] : 0;
      }
    }
  }
  EXPECT_EQ(difference(conv(x, w, {.groups = 2}), conv(x, full), 1e-5, 1e-5), "");
  // A depthwise convolution of ones counts the window's elements.
  EXPECT_EQ(conv(ones({1, 3, 2, 2}), ones({3, 1, 2, 2}), {.groups = 3}).to_vector<float>(),
            (Floats{4, 4, 4}));
}

TEST(Conv, ChannelsLastGivesTheSameTransposed) {
  const Tensor x = random({2, 5, 7, 6}, 3);
  const Tensor w = random({4, 5, 3, 3}, 4);
  const Tensor b = random({4}, 5);
  const Tensor expected = conv(x, w, b, {.padding = 1}).transpose({0, 2, 3, 1});
  const Tensor actual =
      conv(x.transpose({0, 2, 3, 1}), w, b, {.padding = 1, .channels_last = true});
  EXPECT_EQ(difference(actual, expected, 1e-5, 1e-5), "");
}

TEST(Conv, TransposeIsTheAdjoint) {
  // <conv(x, w), y> = <x, conv_transpose(y, w)>.
  const Tensor x = random({2, 3, 9, 8}, 6, f64);
  const Tensor w = random({4, 3, 3, 2}, 7, f64);
  const ConvOptions options{.stride = {2, 3}, .padding = {1, 0}};
  const Tensor y = random(conv(x, w, options).shape(), 8, f64);
  const Tensor back =
      conv_transpose(y, w, {.stride = {2, 3}, .padding = {1, 0}, .output_padding = {0, 0}});
  ASSERT_EQ(back.shape(), x.shape());
  EXPECT_NEAR(sum(conv(x, w, options) * y).item<double>(), sum(x * back).item<double>(), 1e-10);
  EXPECT_EQ(
      conv_transpose(ones({1, 1, 4}), ones({1, 1, 3}), {.stride = 2, .output_padding = 1}).shape(),
      (Shape{1, 1, 10}));
}

// Values are PyTorch's.
TEST(Conv, OutputPaddingBelowTheDilation) {
  const Tensor x = image_of({1, 2, 3}, {1, 1, 3});
  const Tensor w = image_of({1, 2, 3}, {1, 1, 3});
  const auto padded = [&](const ConvTransposeOptions& o) {
    return conv_transpose(x, w, o).to_vector<float>();
  };
  EXPECT_EQ(padded({.output_padding = 2, .dilation = 3}),
            (Floats{1, 2, 3, 2, 4, 6, 3, 6, 9, 0, 0}));
  EXPECT_EQ(padded({.stride = 2, .padding = 1, .output_padding = 3, .dilation = 4}),
            (Floats{0, 2, 0, 5, 0, 4, 0, 9, 0, 6, 0, 9, 0, 0}));
  EXPECT_EQ(padded({.padding = 2, .output_padding = 1, .dilation = 2}), (Floats{5, 4, 9, 6}));
  const Tensor last = conv_transpose(x.transpose({0, 2, 1}), w, tensor({10}),
                                     {.output_padding = 2, .dilation = 3, .channels_last = true});
  EXPECT_EQ(last.to_vector<float>(), (Floats{11, 12, 13, 12, 14, 16, 13, 16, 19, 10, 10}));
  const auto f = [&](const Tensor& t) {
    return sum(square(conv_transpose(t, w, {.output_padding = 2, .dilation = 3})));
  };
  EXPECT_EQ(grad(f)(x).to_vector<float>(), (Floats{28, 56, 84}));
}

TEST(Conv, OutputPaddingThatIsNoneIsRefused) {
  const Tensor x = ones({1, 1, 4});
  const Tensor w = ones({1, 1, 3});
  const auto text = [&](const ConvTransposeOptions& o) {
    try {
      conv_transpose(Operand(x, Location("net.cpp", 7)), w, o);
    } catch (const ValueError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(text({.stride = 2, .output_padding = 3, .dilation = 3}),
            "conv_transpose: output padding 3 on spatial axis 0 is not from 0 to 2\n"
            "  input f32[1,1,4]\n  called at net.cpp:7\n"
            "  hint: it is below the larger one of stride and dilation");
  EXPECT_NE(text({.output_padding = -1}).find("output padding -1"), std::string::npos);
  EXPECT_NE(text({.stride = 2, .padding = kSame, .output_padding = 1}).find("kSame"),
            std::string::npos);
}

TEST(Conv, BiasOfTheTransposeIsAdded) {
  const Tensor y = conv_transpose(image_of({1, 2}, {1, 1, 2}), image_of({1, 1}, {1, 1, 2}),
                                  tensor({0.5}), {.stride = 2});
  EXPECT_EQ(y.to_vector<float>(), (Floats{1.5, 1.5, 2.5, 2.5}));
}

std::string kernel_name(Op op, const Attrs& attrs, std::initializer_list<Spec> inputs) {
  const SpecList in(inputs);
  const SpecList out = infer_specs(op, attrs, in, {});
  return std::string(prepare_kernel({op, attrs, in, out, 1}).name);
}

// Beyond 32 bits: refused, not cut off on the way to a library.
TEST(Conv, NumbersBeyond32BitsAreRefused) {
  const std::int64_t huge = (std::int64_t{1} << 32) + 1;
  const Tensor x = ones({1, 1, 4});
  const Tensor w = ones({1, 1, 2});
  EXPECT_THROW(conv(x, w, {.stride = huge}), ValueError);
  EXPECT_THROW(conv(x, w, {.padding = huge}), ValueError);
  EXPECT_THROW(conv(x, w, {.dilation = huge}), ValueError);
  EXPECT_THROW(conv(x, w, {.padding = kSame, .dilation = std::int64_t{1} << 62}), ValueError);
  EXPECT_THROW(conv_transpose(x, w, {.stride = std::int64_t{1} << 62}), ValueError);
  EXPECT_THROW(max_pool(x, {.kernel_size = huge}), ValueError);
  EXPECT_THROW(avg_pool(x, {.stride = huge}), ValueError);
  // Sizes beyond 32 bits stay with loops that count in 64.
  EXPECT_EQ(kernel_name(Op::conv, {}, {{f32, {1, 1, huge, 1}}, {f32, {1, 1, 1, 1}}}), "direct");
}

TEST(Conv, TheLibraryComputesSingleAndTheLoopsDouble) {
  const Attrs attrs{{"groups", std::int64_t{1}}};
  EXPECT_EQ(kernel_name(Op::conv, attrs, {{f32, {8, 3, 16, 16}}, {f32, {16, 3, 3, 3}}}), "onednn");
  EXPECT_EQ(kernel_name(Op::conv, attrs, {{f64, {8, 3, 16, 16}}, {f64, {16, 3, 3, 3}}}), "direct");
  EXPECT_EQ(kernel_name(Op::conv, attrs, {{f32, {8, 3, 16}}, {f32, {16, 3, 3}}}), "onednn");
}

TEST(Conv, LargeCasesAgreeBetweenPrecisions) {
  for (const bool last : {false, true}) {
    const Shape shape = last ? Shape{4, 15, 14, 20} : Shape{4, 20, 15, 14};
    const Tensor x = random(shape, 9, f64);
    const Tensor w = random({24, 20, 3, 3}, 10, f64);
    const auto f = [&](const Tensor& a, const Tensor& b) {
      return sum(square(conv(a, b, {.stride = 2, .padding = 1, .channels_last = last})));
    };
    GradientTape wide;
    const Tensor wx = wide.watch(x);
    const Tensor ww = wide.watch(w);
    const auto expected = wide.gradient(f(wx, ww), wx, ww);
    GradientTape single;
    const Tensor sx = single.watch(x.to(f32));
    const Tensor sw = single.watch(w.to(f32));
    const auto actual = single.gradient(f(sx, sw), sx, sw);
    for (const std::size_t i : {0u, 1u}) {
      EXPECT_EQ(difference(actual[i], expected[i].to(f32), 1e-4, 2e-3), "") << last << " " << i;
    }
  }
}

TEST(Conv, AnEmptyBatchGivesAnEmptyResult) {
  EXPECT_EQ(conv(zeros({0, 2, 5, 5}), ones({3, 2, 3, 3})).shape(), (Shape{0, 3, 3, 3}));
}

TEST(Pool, ValuesAndPlaces) {
  const Tensor x = image_of({1, 5, 2, 0, 3, 4, 9, 9, 7}, {1, 1, 3, 3});
  EXPECT_EQ(max_pool(x, {.kernel_size = 2, .stride = 1}).to_vector<float>(), (Floats{5, 5, 9, 9}));
  const auto [values, places] = max_pool_with_indices(x, {.kernel_size = 2, .stride = 1});
  EXPECT_EQ(values.to_vector<float>(), (Floats{5, 5, 9, 9}));
  // Of the two nines the first counts.
  EXPECT_EQ(places.to_vector<int>(), (std::vector<int>{1, 1, 6, 7}));
  EXPECT_EQ(places.dtype(), i64);
  EXPECT_EQ(avg_pool(x, {.kernel_size = 3}).to_vector<float>(), (Floats{40.0f / 9}));
}

TEST(Pool, PaddingIsLeftOutOrCounted) {
  const Tensor x = image_of({4, 8}, {1, 1, 2});
  EXPECT_EQ(avg_pool(x, {.kernel_size = 2, .padding = 1}).to_vector<float>(), (Floats{4, 8}));
  EXPECT_EQ(
      avg_pool(x, {.kernel_size = 2, .padding = 1, .count_include_pad = true}).to_vector<float>(),
      (Floats{2, 4}));
  // Padding never wins over negative values.
  EXPECT_EQ(max_pool(-1 * x, {.kernel_size = 2, .padding = 1}).to_vector<float>(),
            (Floats{-4, -8}));
}

TEST(Pool, CeilModeKeepsTheRest) {
  const Tensor x = image_of({1, 2, 3, 4, 5}, {1, 1, 5});
  EXPECT_EQ(max_pool(x).to_vector<float>(), (Floats{2, 4}));
  EXPECT_EQ(max_pool(x, {.ceil_mode = true}).to_vector<float>(), (Floats{2, 4, 5}));
  // What lies beyond the padding is not counted.
  EXPECT_EQ(avg_pool(x, {.ceil_mode = true, .count_include_pad = true}).to_vector<float>(),
            (Floats{1.5, 3.5, 5}));
}

TEST(Pool, AdaptiveWindowsOverlapWhereTheyMust) {
  const Tensor x = image_of({1, 2, 3, 4, 5}, {1, 1, 5});
  EXPECT_EQ(adaptive_avg_pool(x, 3).to_vector<float>(), (Floats{1.5, 3, 4.5}));
  EXPECT_EQ(adaptive_max_pool(x, 2).to_vector<float>(), (Floats{3, 5}));
  EXPECT_EQ(global_avg_pool(x).shape(), (Shape{1, 1, 1}));
  EXPECT_EQ(global_avg_pool(x, false).to_vector<float>(), (Floats{3}));
  EXPECT_EQ(global_max_pool(x).to_vector<float>(), (Floats{5}));
}

TEST(Pool, NotANumberWins) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::int64_t kernel : {2, 3}) {
    Tensor x = ones({1, 1, 6, 6}).clone();
    x.mutable_data<float>()[7] = nan;
    const std::vector<float> y = max_pool(x, {.kernel_size = kernel}).to_vector<float>();
    EXPECT_TRUE(std::isnan(y[0])) << kernel;
    EXPECT_EQ(y[1], 1) << kernel;
  }
}

TEST(Pool, LayoutsAndPrecisionsAgree) {
  const Tensor x = random({3, 20, 14, 37}, 11);
  for (const PoolOptions& options :
       {PoolOptions{}, PoolOptions{.kernel_size = 3, .stride = 2, .padding = 1},
        PoolOptions{.kernel_size = {2, 3}, .stride = {1, 2}}}) {
    PoolOptions last = options;
    last.channels_last = true;
    for (const bool average : {false, true}) {
      const auto pool = [&](const Tensor& t, const PoolOptions& o) {
        return average ? avg_pool(t, o) : max_pool(t, o);
      };
      const Tensor expected = pool(x.to(f64), options).to(f32);
      EXPECT_EQ(difference(pool(x, options), expected, 1e-6, 1e-6), "");
      EXPECT_EQ(difference(pool(x.transpose({0, 2, 3, 1}), last).transpose({0, 3, 1, 2}), expected,
                           1e-6, 1e-6),
                "");
      const auto slope = [&](const Tensor& t, const PoolOptions& o) {
        return grad([&](const Tensor& v) { return sum(square(pool(v, o))); })(t);
      };
      const Tensor gradient = slope(x.to(f64), options).to(f32);
      EXPECT_EQ(difference(slope(x, options), gradient, 1e-5, 1e-6), "");
      EXPECT_EQ(difference(slope(x.transpose({0, 2, 3, 1}), last).transpose({0, 3, 1, 2}), gradient,
                           1e-5, 1e-6),
                "");
    }
  }
}

}  // namespace
}  // namespace nacre
