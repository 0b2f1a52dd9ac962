// bf16 convolutions: where the pass puts them, how exact they are, and that weights stay f32.
#include "tests/support/graphs.h"

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

using testing::trace_graph;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

// Output and all gradients of a convolution with a bias.
Tensors convolve(const Tensors& in, const ConvOptions& options) {
  const auto [y, gradients] = value_and_grad([&](const Tensors& t) {
    const Tensor out = conv(t[0], t[1], t[2], options);
    return std::pair(sum(out * in[3]), out);
  })(Tensors{in[0], in[1], in[2]});
  return {y.second, gradients[0], gradients[1], gradients[2]};
}

struct Sizes {
  std::int64_t batch, in, out, size, kernel;
  ConvOptions options;
};

Tensors arguments(const Sizes& s) {
  Generator random(3);
  const std::int64_t places =
      (s.size - s.kernel) / 1 + 1 + 2 * (s.options.padding.kind() == Padding::Kind::same);
  Shape x{s.batch, s.in, s.size, s.size};
  Shape y{s.batch, s.out, places, places};
  if (s.options.channels_last) {
    x = {s.batch, s.size, s.size, s.in};
    y = {s.batch, places, places, s.out};
  }
  // Of one sign: what is rounded away is not made large by cancellation.
  return {random.uniform(x, 0.5, 1.5),
          random.uniform({s.out, s.in / s.options.groups, s.kernel, s.kernel}, 0.5, 1.5),
          random.uniform({s.out}, 0.5, 1.5), random.uniform(y, 0.5, 1.5)};
}

Graph lowered(const Tensors& in, const ConvOptions& options) {
  std::vector<Spec> specs;
  for (const Tensor& t : in) specs.push_back(t.spec());
  const Graph traced = trace_graph(specs, [&](const Tensors& t) { return convolve(t, options); });
  return remove_dead_code(lower_to_bfloat16(fuse_epilogues(remove_dead_code(traced))));
}

const Sizes kSizes[] = {
    {8, 32, 32, 9, 3, {}},
    {4, 16, 48, 10, 3, {.padding = kSame}},
    {4, 64, 32, 8, 1, {}},
    {4, 64, 64, 8, 3, {.groups = 2}},
    {4, 32, 32, 9, 3, {.channels_last = true}},
};

TEST(Bfloat16Convolution, IsCloseInAllDirections) {
  if (!why_no_bfloat16().empty()) GTEST_SKIP() << why_no_bfloat16();
  for (const Sizes& s : kSizes) {
    const Tensors in = arguments(s);
    const Graph g = lowered(in, s.options);
    verify(g, "lower_to_bfloat16");
    const std::string text = to_text(g);
    EXPECT_EQ(count(text, "compute=\"bf16\"") + count(text, "compute=bf16"), 3u) << text;
    const Tensors got = testing::run_graph(g, in);
    const Tensors want = convolve(in, s.options);
    for (std::size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(got[i].dtype(), f32);
      const auto a = got[i].to_vector<float>();
      const auto b = want[i].to_vector<float>();
      bool differs = false;
      for (std::size_t k = 0; k < a.size(); ++k) {
        ASSERT_NEAR(a[k], b[k], 1.6e-2 * std::fabs(b[k]) + 1e-3) << "result " << i << " at " << k;
        differs = differs || a[k] != b[k];
      }
      EXPECT_TRUE(differs) << "result " << i << " was not computed in bf16";
    }
  }
}

TEST(Bfloat16Convolution, LeavesWhatWouldNotGain) {
  for (const Sizes& s : {Sizes{8, 3, 32, 12, 3, {}},               // few input channels
                         Sizes{8, 32, 4, 12, 3, {}},               // few output channels
                         Sizes{8, 32, 32, 12, 3, {.groups = 32}},  // depthwise
                         Sizes{1, 16, 16, 4, 1, {}}}) {            // small
    const std::string text = to_text(lowered(arguments(s), s.options));
    EXPECT_EQ(text.find("bf16"), std::string::npos) << text;
  }
}

TEST(Bfloat16Convolution, WeightsKeepSmallUpdates) {
  if (!why_no_bfloat16().empty()) GTEST_SKIP() << why_no_bfloat16();
  const Tensor x = ones({8, 32, 8, 8});
  Variable w(ones({32, 32, 3, 3}));
  auto step = compile(
      [&] {
        const auto [loss, gradient] =
            value_and_grad([&] { return mean(conv(x, w, ConvOptions{})); }, w)();
        w.assign(w - 1e-4 * (gradient / (1e-30 + abs(gradient))));
        return loss;
      },
      {.precision = Precision::bf16});
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(count(step.function().graph_text(), "bf16"), 2u);
  EXPECT_EQ(w.value().dtype(), f32);
  // 1 - 1e-4 is 1 in bf16: a weight kept in it would never move.
  EXPECT_NEAR(w.value().to_vector<float>()[0], 1 - 5e-4, 1e-6);
}

TEST(Precision, AutomaticFollowsTheMeasurement) {
  const double speedup = bfloat16_speedup();
  EXPECT_EQ(speedup == 0, !why_no_bfloat16().empty());
  EXPECT_EQ(speedup, bfloat16_speedup());
  EXPECT_EQ(uses_bfloat16(Precision::automatic), speedup >= kWorthwhileSpeedup);
  EXPECT_FALSE(uses_bfloat16(Precision::f32));
}

}  // namespace
}  // namespace nacre
