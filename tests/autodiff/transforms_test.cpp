// vjp, jvp, hvp, jacobian, hessian, custom_vjp and checkpoint, eagerly and compiled.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"
#include "nacre/passes/pipeline.h"
#include "nacre/plan/plan.h"
#include "nacre/run/trace_session.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;
using Floats = std::vector<float>;

void expect_near(const Tensor& actual, const Floats& expected, float tolerance = 1e-5f) {
  const Floats values = actual.to_vector<float>();
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(values[i], expected[i], tolerance * (1 + std::fabs(expected[i]))) << i;
  }
}

template <class F, class... Args>
Tensor both_ways(F f, const Args&... args) {
  const Tensor eager = f(args...);
  expect_near(compile(f)(args...), eager.to_vector<float>());
  return eager;
}

const Tensor kX = tensor({0.5, -1.0, 2.0});
const Tensor kV = tensor({1.0, 2.0, -1.0});

TEST(Transforms, VjpPullsBackManyTimes) {
  const auto [y, pull] = vjp([](const Tensor& x) { return square(x); }, kX);
  expect_near(y, {0.25, 1, 4});
  expect_near(pull(kV), {1, -4, -4});
  expect_near(pull(ones({3})), {1, -2, 4});
}

TEST(Transforms, VjpOfNests) {
  const auto f = [](const Tensor& a, const Tensor& b) { return std::pair(a * b, a + b); };
  const auto [y, pull] = vjp(f, std::tuple(tensor({2.0}), tensor({3.0})));
  EXPECT_FLOAT_EQ(y.first.item(), 6);
  const auto [da, db] = pull(std::pair(tensor({1.0}), tensor({10.0})));
  EXPECT_FLOAT_EQ(da.item(), 13);
  EXPECT_FLOAT_EQ(db.item(), 12);
}

TEST(Transforms, JvpIsTheDirectionalDerivative) {
  const auto f = [](const Tensor& x) { return sin(x) * x; };
  const auto directional = [&](const Tensor& x, const Tensor& v) { return jvp(f, x, v).second; };
  Floats expected;
  for (int i = 0; i < 3; ++i) {
    const double x = kX.to_vector<double>()[static_cast<std::size_t>(i)];
    const double v = kV.to_vector<double>()[static_cast<std::size_t>(i)];
    expected.push_back(static_cast<float>((std::cos(x) * x + std::sin(x)) * v));
  }
  expect_near(both_ways(directional, kX, kV), expected);
  expect_near(jvp(f, kX, kV).first, f(kX).to_vector<float>());
}

TEST(Transforms, JvpThroughConstantPartsIsZero) {
  const auto f = [](const Tensor& x) { return std::pair(relu(x), stop_gradient(x)); };
  const auto [y, dy] = jvp(f, kX, kV);
  expect_near(dy.first, {1, 0, -1});
  expect_near(dy.second, {0, 0, 0});
}

TEST(Transforms, HvpEqualsHessianTimesVector) {
  const auto f = [](const Tensor& x) { return sum(x * x * x) + square(sum(x)); };
  const auto product = [&](const Tensor& x, const Tensor& v) { return hvp(f, x, v); };
  // H = 6 diag(x) + 2
  expect_near(both_ways(product, kX, kV), {7, -8, -8});
  const auto second = [&](const Tensor& x) { return hessian(f)(x); };
  expect_near(both_ways(second, kX), {5, 2, 2, 2, -4, 2, 2, 2, 14});
}

TEST(Transforms, JacobianOfMatrixFunction) {
  const Tensor a = tensor({{1, 2, 3}, {4, 5, 6}});
  const auto f = [&](const Tensor& x) {
    return jacobian([&](const Tensor& t) { return matmul(a, t); })(x);
  };
  const Tensor j = both_ways(f, kX);
  EXPECT_EQ(j.shape(), (Shape{2, 3}));
  expect_near(j, {1, 2, 3, 4, 5, 6});
}

TEST(Transforms, JacobianOfANest) {
  const auto f = [](const std::vector<Tensor>& x) { return x[0] * x[1]; };
  const auto j = jacobian(f)(std::vector<Tensor>{tensor({2, 3}), tensor({5, 7})});
  expect_near(j[0], {5, 0, 0, 7});
  expect_near(j[1], {2, 0, 0, 3});
}

TEST(Transforms, ThirdOrderMixed) {
  const auto f = [](const Tensor& x) { return sum(x * x * x); };
  const auto g = [&](const Tensor& x) {
    return grad([&](const Tensor& t) { return sum(hvp(f, t, kV) * kV); })(x);
  };
  expect_near(both_ways(g, kX), {6, 24, 6});
}

TEST(TransformErrors, TangentThatDoesNotFit) {
  const auto f = [](const Tensor& x) { return x; };
  EXPECT_EQ(text_of<ShapeError>([&] { jvp(f, kX, ones({2}), Location()); }),
            "jvp: vector 0 is f32[2], its input f32[3]");
  EXPECT_EQ(text_of<DTypeError>([&] { hvp(f, kX, ones({3}, f64), Location()); }),
            "hvp: vector 0 is f64[3], its input f32[3]");
}

// x^2 whose gradient is said to be 10 x.
auto strange_square() {
  return custom_vjp([](const Tensor& x) { return square(x); },
                    [](const Tensors& x, const Tensors& y, const Tensors& ct) {
                      EXPECT_EQ(y.size(), 1u);
                      return Tensors{ct[0] * 10 * x[0]};
                    });
}

TEST(CustomVjp, RuleIsUsedEagerlyTracedAndAtSecondOrder) {
  const auto f = [](const Tensor& x) { return sum(strange_square()(x) * 2); };
  expect_near(both_ways(grad(f), kX), {10, -20, 40});
  const auto g = [&](const Tensor& x) { return sum(grad(f)(x)); };
  expect_near(both_ways(grad(g), kX), {20, 20, 20});
  expect_near(strange_square()(kX), {0.25, 1, 4});
  expect_near(compile(strange_square())(kX), {0.25, 1, 4});
}

TEST(CustomVjp, SeveralResultsAndIntegerInput) {
  const auto op =
      custom_vjp([](const Tensor& x, const Tensor& i) { return std::pair(x * 2, x * i.to(f32)); },
                 [](const Tensors& in, const Tensors&, const Tensors& ct) {
                   return Tensors{ct[0] * 100 + ct[1] * 1000 + in[0] * 0, Tensor()};
                 });
  const Tensor i = arange(3);
  const auto f = [&](const Tensor& x) {
    const auto [a, b] = op(x, i);
    return sum(a) + sum(b * 2);
  };
  expect_near(both_ways(grad(f), kX), {2100, 2100, 2100});
}

TEST(CustomVjp, NestedInItself) {
  const auto f =
      custom_vjp([](const Tensor& x) { return strange_square()(x) + 1; },
                 [](const Tensors& x, const Tensors&, const Tensors& ct) {
                   const auto inner = [](const Tensor& t) { return sum(strange_square()(t)); };
                   return Tensors{ct[0] * grad(inner)(x[0])};
                 });
  expect_near(both_ways(grad([&](const Tensor& x) { return sum(f(x)); }), kX), {5, -10, 20});
}

TEST(CustomVjp, GradientWithinTheFunction) {
  const auto f = custom_vjp(
      [](const Tensor& x) { return grad([](const Tensor& t) { return sum(t * t * t); })(x); },
      [](const Tensors&, const Tensors&, const Tensors& ct) { return Tensors{ct[0] * 7}; });
  expect_near(f(kX), {0.75, 3, 12});
  expect_near(both_ways(grad([&](const Tensor& x) { return sum(f(x)); }), kX), {7, 7, 7});
}

TEST(CustomVjpErrors, RuleThatDoesNotFit) {
  const auto run = [](GradientRule rule) {
    const auto f = custom_vjp([](const Tensor& x) { return x * 2; }, std::move(rule), Location());
    return text_of<ShapeError>([&] { grad([&](const Tensor& x) { return sum(f(x)); })(kX); });
  };
  const std::string hint =
      "\n  hint: return one gradient for each input, of its shape and dtype; Tensor() stands for "
      "zero";
  EXPECT_EQ(run([](const Tensors&, const Tensors&, const Tensors&) { return Tensors{}; }),
            "custom_vjp: the gradient rule returns 0 gradients for 1 inputs" + hint);
  EXPECT_EQ(run([](const Tensors&, const Tensors&, const Tensors&) { return Tensors{ones({2})}; }),
            "custom_vjp: gradient 0 is f32[2], the input f32[3]" + hint);
}

TEST(Checkpoint, GradientsEqualThoseWithoutIt) {
  Variable w(tensor({1.0, 2.0, 3.0}));
  int runs = 0;
  const auto block = [&](const Tensor& x) {
    ++runs;
    return tanh(x * w) * sin(x);
  };
  const auto plain = [&](const Tensor& x) { return sum(block(x) * 2); };
  const auto kept = [&](const Tensor& x) { return sum(checkpoint(block)(x) * 2); };
  expect_near(both_ways(grad(kept), kX), grad(plain)(kX).to_vector<float>());
  expect_near(grad(kept, w)(kX), grad(plain, w)(kX).to_vector<float>());
  auto compiled = compile([&](const Tensor& x) { return grad(kept, w)(x); });
  expect_near(compiled(kX), grad(plain, w)(kX).to_vector<float>());
  const auto second = [&](auto f) { return [f](const Tensor& x) { return sum(grad(f)(x) * kV); }; };
  expect_near(both_ways(grad(second(kept)), kX), grad(second(plain))(kX).to_vector<float>());
  runs = 0;
  grad(kept)(kX);
  EXPECT_EQ(runs, 2);
}

TEST(Checkpoint, ReadsAndAssignmentsHappenOnce) {
  Variable w(tensor({2.0}));
  Variable count(tensor({10.0}), "count", false);
  const auto block = [&](const Tensor& x) {
    const Tensor y = x * w * count;
    count.assign(count + 1);
    return y * count;
  };
  const auto f = [&](const Tensor& x) { return sum(checkpoint(block)(x)); };
  EXPECT_FLOAT_EQ(grad(f)(tensor({1.0})).item(), 2 * 10 * 11);
  EXPECT_FLOAT_EQ(count.value().item(), 11);
  auto step = compile([&](const Tensor& x) { return grad(f)(x); });
  EXPECT_FLOAT_EQ(step(tensor({1.0})).item(), 2 * 11 * 12);
  EXPECT_FLOAT_EQ(count.value().item(), 12);
}

TEST(Checkpoint, Nested) {
  Variable w(tensor({2.0}));
  const auto inner = checkpoint([&](const Tensor& x) { return exp(x * w); });
  const auto outer = checkpoint([&](const Tensor& x) { return inner(x) * inner(x + 1); });
  const auto f = [&](const Tensor& x) { return sum(outer(x)); };
  // exp(2 x w + w): d/dx = 2 w y, d/dw = (2 x + 1) y
  const float y = std::exp(2 * 0.5f * 2 + 2);
  expect_near(both_ways(grad(f), tensor({0.5})), {4 * y});
  expect_near(grad(f, w)(tensor({0.5})), {2 * y});
}

TEST(Checkpoint, EagerTapeKeepsOnlyTheEnds) {
  const Tensor x = ones({1 << 16});
  const auto deep = [](const Tensor& t) {
    Tensor y = t;
    for (int i = 0; i < 12; ++i) y = tanh(y);
    return y;
  };
  const auto held = [&](auto f) {
    GradientTape tape;
    tape.watch(x);
    const std::size_t before = pool_statistics().in_use;
    const Tensor y = f(x);
    return pool_statistics().in_use - before;
  };
  EXPECT_LT(3 * held(checkpoint(deep)), held(deep));
}

TEST(Checkpoint, LowersTheArenaOfAPlan) {
  const auto arena = [](bool use_checkpoint) {
    const auto block = [](const Tensor& t) {
      Tensor y = t;
      for (int i = 0; i < 8; ++i) y = sin(y) * y;
      return y;
    };
    TraceSession session;
    const Tensor x = session.argument({f32, {1 << 12}});
    const auto f = [&](const Tensor& t) {
      Tensor y = t;
      for (int i = 0; i < 8; ++i) y = use_checkpoint ? checkpoint(block)(y) : block(y);
      return sum(y);
    };
    const Tensor g = grad(f)(x);
    Graph& graph = session.trace()->graph;
    graph.set_results({g.value()});
    const Plan plan(run_passes(graph, default_passes()), {});
    return plan.memory().arena_bytes;
  };
  EXPECT_LT(2 * arena(true), arena(false));
}

TEST(Checkpoint, DoesNotKeepItsTraceAlive) {
  std::weak_ptr<Trace> trace;
  {
    TraceSession session;
    trace = session.trace();
    const Tensor x = session.argument({f32, {4}});
    grad([](const Tensor& t) {
      return sum(checkpoint([](const Tensor& v) { return sin(v); })(t));
    })(x);
  }
  EXPECT_TRUE(trace.expired());
}

TEST(Barrier, IsTheIdentityWithItsGradient) {
  const auto f = [](const Tensor& x) { return sum(optimization_barrier(x) * x); };
  expect_near(both_ways(grad(f), kX), {1, -2, 4});
}

}  // namespace
}  // namespace nacre
