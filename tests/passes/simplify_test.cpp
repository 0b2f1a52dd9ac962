// Golden texts of what the passes make of small functions.
#include "tests/support/graphs.h"

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

using testing::plain_text;
using testing::trace_graph;

const Spec kMatrix{f32, {3, 4}};

std::string simplified(const std::vector<Spec>& specs, const testing::TensorFunction& f) {
  return plain_text(remove_dead_code(simplify(trace_graph(specs, f))));
}

TEST(Simplify, OneAndZeroDisappear) {
  const auto f = [](const Tensors& x) -> Tensors { return {(x[0] * 1 + 0 - 0) / 1}; };
  EXPECT_EQ(plain_text(trace_graph({kMatrix}, f)),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = constant{value=1}() -> f32[]\n"
            "%2 = mul(%0 f32[3,4], %1 f32[]) -> f32[3,4]\n"
            "%3 = constant{value=0}() -> f32[]\n"
            "%4 = add(%2 f32[3,4], %3 f32[]) -> f32[3,4]\n"
            "%5 = constant{value=0}() -> f32[]\n"
            "%6 = sub(%4 f32[3,4], %5 f32[]) -> f32[3,4]\n"
            "%7 = constant{value=1}() -> f32[]\n"
            "%8 = div(%6 f32[3,4], %7 f32[]) -> f32[3,4]\n"
            "return %8 f32[3,4]\n");
  EXPECT_EQ(simplified({kMatrix}, f),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "return %0 f32[3,4]\n");
}

TEST(Simplify, ZeroTimesIsKeptBecauseOfNan) {
  const std::string text =
      simplified({kMatrix}, [](const Tensors& x) -> Tensors { return {x[0] * 0}; });
  EXPECT_NE(text.find("mul("), std::string::npos) << text;
}

TEST(Simplify, ViewsAndTransposesCompose) {
  EXPECT_EQ(simplified({kMatrix},
                       [](const Tensors& x) -> Tensors {
                         return {x[0].transpose().transpose(),
                                 x[0].reshape({12}).reshape({2, 6}).reshape({4, 3}),
                                 identity(stop_gradient(x[0]))};
                       }),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = reshape{shape=[4,3]}(%0 f32[3,4]) -> f32[4,3]\n"
            "return %0 f32[3,4], %1 f32[4,3], %0 f32[3,4]\n");
}

TEST(Simplify, TransposeOfUnitAxesIsAView) {
  EXPECT_EQ(
      simplified({{f32, {1, 5}}}, [](const Tensors& x) -> Tensors { return {x[0].transpose()}; }),
      "%0 = input{dtype=f32, shape=[1,5]}() -> f32[1,5]\n"
      "%1 = reshape{shape=[5,1]}(%0 f32[1,5]) -> f32[5,1]\n"
      "return %1 f32[5,1]\n");
}

TEST(Simplify, BroadcastsGoIntoTheirReaders) {
  EXPECT_EQ(simplified({kMatrix, {f32, {4}}},
                       [](const Tensors& x) -> Tensors {
                         return {x[0] + broadcast_to(x[1], {3, 4}), x[0] * full_like(x[0], 3)};
                       }),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = input{dtype=f32, shape=[4]}() -> f32[4]\n"
            "%2 = add(%0 f32[3,4], %1 f32[4]) -> f32[3,4]\n"
            "%3 = constant{value=3}() -> f32[]\n"
            "%4 = mul(%0 f32[3,4], %3 f32[]) -> f32[3,4]\n"
            "return %2 f32[3,4], %4 f32[3,4]\n");
}

TEST(Simplify, KnownConditionsChoose) {
  EXPECT_EQ(simplified({kMatrix},
                       [](const Tensors& x) -> Tensors {
                         return {where(ones_like(x[0]) > 0, x[0], x[0] * 7)};
                       }),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "return %0 f32[3,4]\n");
}

TEST(Simplify, TransposesBecomeFlagsOfProducts) {
  EXPECT_EQ(
      simplified({kMatrix, kMatrix},
                 [](const Tensors& x) -> Tensors { return {matmul(x[0], x[1].transpose())}; }),
      "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
      "%1 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
      "%2 = matmul{transpose_a=false, transpose_b=true}(%0 f32[3,4], %1 f32[3,4]) -> "
      "f32[3,3]\n"
      "return %2 f32[3,3]\n");
}

TEST(Simplify, ConstantsAreComputed) {
  const Tensor table = tensor({{1, 2}, {3, 4}});
  const std::string text = simplified({{f32, {2, 2}}}, [&](const Tensors& x) -> Tensors {
    return {x[0] + matmul(identity(x[0]) * 0 + 1, ones({2, 2}))};
  });
  EXPECT_NE(text.find("matmul"), std::string::npos) << text;  // depends on the argument
  const Graph g = simplify(trace_graph({{f32, {2, 2}}}, [&](const Tensors& x) -> Tensors {
    // Fills of the trace, so that nothing is computed eagerly.
    return {x[0] + exp(full_like(x[0], 0)) * 2};
  }));
  EXPECT_EQ(plain_text(remove_dead_code(g)),
            "%0 = input{dtype=f32, shape=[2,2]}() -> f32[2,2]\n"
            "%1 = constant{value=2}() -> f32[]\n"
            "%2 = add(%0 f32[2,2], %1 f32[]) -> f32[2,2]\n"
            "return %2 f32[2,2]\n");
}

TEST(MergeCommon, EqualNodesAreOne) {
  const Graph g = trace_graph({kMatrix}, [](const Tensors& x) -> Tensors {
    // One op a line: C++ leaves open which operand of an expression is computed first.
    const Tensor t = tanh(x[0]);
    const Tensor e = exp(x[0]);
    const Tensor sum_te = t + e;
    const Tensor again_t = tanh(x[0]);
    const Tensor again_e = exp(x[0]);
    const Tensor product = again_t * again_e;
    const Tensor columns = x[0].sum({0});
    const Tensor total = x[0].sum({1}).sum();
    return {sum_te, product, columns + total};
  });
  EXPECT_EQ(plain_text(merge_common(g)),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = tanh(%0 f32[3,4]) -> f32[3,4]\n"
            "%2 = exp(%0 f32[3,4]) -> f32[3,4]\n"
            "%3 = add(%1 f32[3,4], %2 f32[3,4]) -> f32[3,4]\n"
            "%4 = mul(%1 f32[3,4], %2 f32[3,4]) -> f32[3,4]\n"
            "%5 = reduce_sum{axes=[0], keep_dims=false}(%0 f32[3,4]) -> f32[4]\n"
            "%6 = reduce_sum{axes=[1], keep_dims=false}(%0 f32[3,4]) -> f32[3]\n"
            "%7 = reduce_sum{axes=[], keep_dims=false}(%6 f32[3]) -> f32[]\n"
            "%8 = add(%5 f32[4], %7 f32[]) -> f32[4]\n"
            "return %3 f32[3,4], %4 f32[3,4], %8 f32[4]\n");
}

TEST(Epilogues, BiasAndActivationJoinTheProduct) {
  const Graph g =
      trace_graph({kMatrix, {f32, {4, 5}}, {f32, {5}}},
                  [](const Tensors& x) -> Tensors { return {relu(matmul(x[0], x[1]) + x[2])}; });
  EXPECT_EQ(plain_text(fuse_epilogues(g)),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = input{dtype=f32, shape=[4,5]}() -> f32[4,5]\n"
            "%2 = input{dtype=f32, shape=[5]}() -> f32[5]\n"
            "%3 = linear{transpose_a=false, transpose_b=false, activation=\"relu\"}(%0 f32[3,4], "
            "%1 f32[4,5], %2 f32[5]) -> f32[3,5]\n"
            "return %3 f32[3,5]\n");
}

TEST(Epilogues, AProductThatIsReadTwiceStays) {
  const Graph g =
      trace_graph({kMatrix, {f32, {4, 5}}, {f32, {5}}}, [](const Tensors& x) -> Tensors {
        const Tensor product = matmul(x[0], x[1]);
        return {product + x[2], product};
      });
  EXPECT_EQ(plain_text(fuse_epilogues(g)).find("linear"), std::string::npos);
}

TEST(Epilogues, ReluJoinsTheConvolution) {
  const Graph g =
      trace_graph({{f32, {2, 3, 8, 8}}, {f32, {4, 3, 3, 3}}, {f32, {4}}},
                  [](const Tensors& x) -> Tensors { return {relu(conv(x[0], x[1], x[2]))}; });
  const Graph fused = fuse_epilogues(g);
  EXPECT_EQ(fused.node_count(), g.node_count() - 1) << plain_text(fused);
  std::mt19937 random(1);
  Tensors x;
  for (const ValueId v : g.arguments()) {
    x.push_back(testing::random_tensor(g.spec(v).shape, random));
  }
  testing::expect_close(testing::run_graph(fused, x)[0], testing::run_graph(g, x)[0], 1e-5, "");
}

TEST(FuseElementwise, ARegionIsOneNode) {
  const Graph g = trace_graph({kMatrix, {f32, {4}}}, [](const Tensors& x) -> Tensors {
    const Tensor product = x[0] * x[1];
    return {tanh(product + 2), product};
  });
  EXPECT_EQ(plain_text(fuse_elementwise_always(simplify(g))),
            "%0 = input{dtype=f32, shape=[3,4]}() -> f32[3,4]\n"
            "%1 = input{dtype=f32, shape=[4]}() -> f32[4]\n"
            "%2, %3 = fused_elementwise{program=<r2=mul(0,1); r3=constant{value=2}(); r4=add(2,3); "
            "r5=tanh(4) -> 2,5>}(%0 f32[3,4], %1 f32[4]) -> f32[3,4], f32[3,4]\n"
            "return %3 f32[3,4], %2 f32[3,4]\n");
}

TEST(FuseElementwise, ARegionNeverDependsOnItself) {
  // exp(x) reaches the sum both directly and through a reduction: one region would be a cycle.
  const Graph g = trace_graph({kMatrix}, [](const Tensors& x) -> Tensors {
    const Tensor e = exp(x[0]);
    return {e / e.sum({1}, true) + tanh(x[0])};
  });
  const Graph fused = fuse_elementwise_always(g);
  verify(fused, "fuse");
  const Tensor x = tensor({{1, 2, 3, 4}, {0, -1, -2, -3}, {1, 1, 1, 1}});
  testing::expect_close(testing::run_graph(fused, {x})[0], testing::run_graph(g, {x})[0], 1e-6, "");
}

TEST(Bfloat16, LargeProductsAreNarrow) {
  const Graph g = trace_graph({{f32, {128, 128}}, {f32, {128, 128}}},
                              [](const Tensors& x) -> Tensors { return {matmul(x[0], x[1])}; });
  EXPECT_EQ(plain_text(lower_to_bfloat16(g)),
            "%0 = input{dtype=f32, shape=[128,128]}() -> f32[128,128]\n"
            "%1 = input{dtype=f32, shape=[128,128]}() -> f32[128,128]\n"
            "%2 = cast{to=bf16}(%0 f32[128,128]) -> bf16[128,128]\n"
            "%3 = cast{to=bf16}(%1 f32[128,128]) -> bf16[128,128]\n"
            "%4 = matmul{transpose_a=false, transpose_b=false}(%2 bf16[128,128], %3 bf16[128,128]) "
            "-> bf16[128,128]\n"
            "%5 = cast{to=f32}(%4 bf16[128,128]) -> f32[128,128]\n"
            "return %5 f32[128,128]\n");
}

TEST(Passes, RandomFunctionsKeepTheirValues) {
  const std::vector<std::pair<const char*, PassFn>> passes = {
      {"simplify", simplify},
      {"merge_common", merge_common},
      {"fuse_epilogues", fuse_epilogues},
      {"fuse_elementwise", fuse_elementwise_always},
  };
  for (unsigned seed = 0; seed < 60; ++seed) {
    const testing::TensorFunction f = testing::random_function(seed, 5 + static_cast<int>(seed));
    std::mt19937 random(seed);
    Tensors x;
    for (int i = 0; i < 4; ++i) x.push_back(testing::random_tensor({6, 6}, random));
    const Tensors want = f(x);
    const Graph traced = trace_graph(std::vector<Spec>(4, x[0].spec()), f);
    Graph all = traced;
    for (const auto& [name, pass] : passes) {
      const std::string what = std::string(name) + ", seed " + std::to_string(seed);
      const Graph one = pass(remove_dead_code(traced));
      verify(one, name);
      const Tensors got = testing::run_graph(one, x);
      all = remove_dead_code(pass(all));
      verify(all, name);
      const Tensors after_all = testing::run_graph(all, x);
      for (std::size_t i = 0; i < want.size(); ++i) {
        testing::expect_close(got[i], want[i], 2e-4, what);
        testing::expect_close(after_all[i], want[i], 2e-4, "up to " + what);
        if (HasFatalFailure()) return;
      }
    }
    EXPECT_LE(all.node_count(), traced.node_count());
  }
}

}  // namespace
}  // namespace nacre
