// Convolution, relu and maximum pool: what the pass makes of them computes the same.
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

struct Stage {
  Shape x;
  Shape weights;
  ConvOptions conv;
  PoolOptions pool;
  bool relu = true;
  std::size_t crops = 0;  // convolutions with fewer outputs
  bool picture = false;   // no gradient of x, as in a first stage
};

// The pooled stage and its gradients.
Tensors run_stage(const Stage& s, const Tensors& in) {
  const auto stage = [&](const Tensors& t) {
    Tensor y = conv(s.picture ? in[0] : t[2], t[0], t[1], s.conv);
    if (s.relu) y = relu(y);
    const Tensor p = max_pool(y, s.pool);
    return std::pair(sum(p * p), p);
  };
  const Tensors sources = s.picture ? Tensors{in[1], in[2]} : Tensors{in[1], in[2], in[0]};
  const auto [value, gradients] = value_and_grad(stage)(sources);
  Tensors out = {value.second};
  out.insert(out.end(), gradients.begin(), gradients.end());
  return out;
}

// Whole numbers, so that sums are exact in any order and many maxima are shared or zero.
Tensor whole_numbers(const Shape& shape, std::uint64_t seed, double scale) {
  return round(Generator(seed).uniform(shape, -scale, scale));
}

Tensors arguments(const Stage& s) {
  return {whole_numbers(s.x, 1, 2), whole_numbers(s.weights, 2, 1),
          whole_numbers({s.weights[0]}, 3, 3)};
}

Graph plain(const Stage& s) {
  std::vector<Spec> specs;
  for (const Tensor& t : arguments(s)) specs.push_back(t.spec());
  return fuse_epilogues(remove_dead_code(merge_common(
      simplify(trace_graph(specs, [&](const Tensors& t) { return run_stage(s, t); })))));
}

const std::vector<Stage>& stages() {
  static const std::vector<Stage> list = {
      {{2, 3, 12, 12}, {4, 3, 3, 3}, {}, {}, true, 0},                        // even
      {{2, 16, 13, 13}, {16, 16, 3, 3}, {}, {}, true, 3},                     // odd
      {{2, 16, 13, 12}, {16, 16, 3, 3}, {.padding = kSame}, {}, true, 3},     // one odd axis
      {{2, 3, 15, 15}, {5, 3, 3, 3}, {.stride = 2}, {}, true, 3},             // stride
      {{2, 16, 10, 11}, {16, 16, 3, 3}, {}, {.kernel_size = 3}, false, 3},    // no relu
      {{2, 4, 10, 10}, {6, 2, 3, 3}, {.groups = 2}, {.stride = 3}, true, 0},  // all is covered
      {{2, 8, 11, 12}, {6, 8, 2, 2}, {}, {.kernel_size = 3, .stride = 2}, true, 3},  // windows
                                                                                     // overlap
      {{2, 9, 9, 16}, {16, 16, 3, 3}, {.channels_last = true}, {.channels_last = true}, true, 3},
      {{2, 3, 14}, {4, 3, 4}, {}, {}, true, 3},                     // one axis
      {{1, 2, 6, 7, 5}, {3, 2, 2, 2, 2}, {}, {}, true, 3},          // three axes
      {{2, 3, 13, 13}, {4, 3, 3, 3}, {}, {.padding = 1}, true, 0},  // padded pool
      {{2, 3, 13, 13}, {4, 3, 3, 3}, {}, {.ceil_mode = true}, true, 0},
      {{2, 3, 13, 13}, {4, 3, 5, 5}, {}, {}, true, 2, true},  // no kernel for the whole stage
  };
  return list;
}

TEST(PoolStages, FusedEqualsUnfused) {
  for (std::size_t i = 0; i < stages().size(); ++i) {
    const Stage& s = stages()[i];
    const Graph before = plain(s);
    const Graph after = fuse_pool_stages(before);
    verify(after, "fuse_pool_stages");
    const std::string text = to_text(after);
    EXPECT_EQ(count(text, "crop="), s.crops) << i << "\n" << text;
    EXPECT_EQ(count(text, "relu=true"), s.relu ? 1u : 0u) << i << "\n" << text;
    EXPECT_EQ(count(text, "where("), 0u) << i << "\n" << text;
    const Tensors in = arguments(s);
    const Tensors want = testing::run_graph(before, in);
    const Tensors got = testing::run_graph(after, in);
    const Tensors eager = run_stage(s, in);
    for (std::size_t r = 0; r < want.size(); ++r) {
      const std::string what = "stage " + std::to_string(i) + ", result " + std::to_string(r);
      testing::expect_close(got[r], want[r], 0, what);
      testing::expect_close(got[r], eager[r], 0, what + " against eager");
    }
  }
}

// First stages, for which there is one kernel where vectors have eight lanes or more.
const std::vector<Stage>& first_stages() {
  static const std::vector<Stage> list = {
      {{3, 1, 28, 28}, {5, 1, 3, 3}, {}, {}, true, 0, true},
      {{2, 3, 32, 32}, {8, 3, 3, 3}, {.padding = kSame}, {}, true, 0, true},
      {{2, 3, 33, 31}, {3, 3, 3, 3}, {.padding = 2}, {}, true, 0, true},
      {{1, 4, 9, 71}, {2, 4, 3, 3}, {}, {}, true, 0, true},
  };
  return list;
}

TEST(PoolStages, FirstStagesAreOneStep) {
  for (std::size_t i = 0; i < first_stages().size(); ++i) {
    const Stage& s = first_stages()[i];
    const Graph before = plain(s);
    const Graph after = fuse_pool_stages(before);
    verify(after, "fuse_pool_stages");
    const std::string text = to_text(after);
    const std::size_t found = count(text, "= conv_pool{");
    if (i == 0 && found == 0) GTEST_SKIP() << "no kernel for this processor";
    EXPECT_EQ(found, 1u) << text;
    EXPECT_EQ(count(text, "= conv_pool_backward_weights"), 1u) << text;
    EXPECT_EQ(count(text, "max_pool"), 0u) << text;
    const Tensors in = arguments(s);
    const Tensors want = testing::run_graph(before, in);
    for (const int threads : {1, 2}) {
      Plan plan(after, {.threads = threads});
      const Tensors got = testing::run_plan(plan, in);
      for (std::size_t r = 0; r < want.size(); ++r) {
        testing::expect_close(got[r], want[r], 0,
                              "stage " + std::to_string(i) + ", result " + std::to_string(r));
      }
    }
  }
}

TEST(PoolStages, NotANumberGoesThrough) {
  const Stage& s = first_stages()[0];
  Tensors in = arguments(s);
  in[0] = where(equal(arange(28, f32), 5), std::numeric_limits<double>::quiet_NaN(), in[0]);
  // Against the ops as written: the library's relu after a convolution turns NaN into 0.
  const Tensors want = run_stage(s, in);
  const Graph after = fuse_pool_stages(plain(s));
  if (count(to_text(after), "= conv_pool{") == 0) GTEST_SKIP() << "no kernel for this processor";
  const Tensors got = testing::run_graph(after, in);
  const auto a = got[0].to_vector<float>();
  const auto b = want[0].to_vector<float>();
  std::size_t found = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << i;
    if (std::isnan(a[i])) {
      ++found;
    } else {
      ASSERT_EQ(a[i], b[i]) << i;
    }
  }
  EXPECT_GT(found, 0u);
}

TEST(PoolStages, CompiledStepUsesThem) {
  const Stage& s = stages()[1];
  auto step = compile([&](const Tensor& x, const Tensor& w, const Tensor& b) {
    return run_stage(s, {x, w, b});
  });
  const Tensors in = arguments(s);
  const Tensors got = step(in[0], in[1], in[2]);
  EXPECT_EQ(count(step.function().graph_text(), "crop=[1,1]"), 3u);
  const Tensors want = run_stage(s, in);
  for (std::size_t r = 0; r < want.size(); ++r) testing::expect_close(got[r], want[r], 0, "");
}

TEST(PoolStages, OutputsThatOthersReadStay) {
  const Stage& s = stages()[1];
  const auto returned = [&](const Tensors& t) -> Tensors {
    const Tensor y = relu(conv(t[0], t[1], t[2], s.conv));
    return {max_pool(y), y};
  };
  const auto summed = [&](const Tensors& t) -> Tensors {
    const Tensor y = relu(conv(t[0], t[1], t[2], s.conv));
    return {max_pool(y), sum(y)};
  };
  const auto two_pools = [&](const Tensors& t) -> Tensors {
    const Tensor y = relu(conv(t[0], t[1], t[2], s.conv));
    return {max_pool(y), max_pool(y, {.kernel_size = 11})};
  };
  std::vector<Spec> specs;
  for (const Tensor& t : arguments(s)) specs.push_back(t.spec());
  for (const testing::TensorFunction& f :
       {testing::TensorFunction(returned), testing::TensorFunction(summed),
        testing::TensorFunction(two_pools)}) {
    const Graph g = fuse_epilogues(trace_graph(specs, f));
    EXPECT_EQ(count(to_text(fuse_pool_stages(g)), "crop="), 0u);
  }
}

TEST(PoolStages, AMaskOfSomethingElseStays) {
  // The mask belongs to x, the pool's gradient to y.
  const Graph g =
      trace_graph({{f32, {1, 1, 4, 4}}, {f32, {1, 1, 4, 4}}}, [](const Tensors& t) -> Tensors {
        const Tensor dy = grad([](const Tensor& y) { return sum(max_pool(y)); })(t[1]);
        return {where(t[0] > 0, dy, 0)};
      });
  EXPECT_EQ(count(to_text(fuse_pool_stages(g)), "relu=true"), 0u);
}

}  // namespace
}  // namespace nacre
