// Large graphs: tracing, gradients, passes, plans and texts take time in proportion to the number
// of ops.
#include "tests/support/graphs.h"
#include "tests/support/linear_time.h"

namespace nacre {
namespace {

using test::expect_linear;
using test::thread_seconds;

constexpr int kOps = 3000;

// A deep chain whose gradient reads all of its values, and x in every step.
Graph gradient_of_chain(int ops) {
  return testing::trace_graph({{f32, {4, 4}}, {f32, {4, 4}}}, [ops](const Tensors& x) {
    GradientTape tape({.watch_variables = false});
    Tensors own{tape.watch(x[0]), tape.watch(x[1])};
    const Tensor start = tanh(own[0]);
    Tensor h = start;
    for (int i = 0; i < ops / 4; ++i) h = tanh(matmul(h, own[1]) * 0.5) + start;
    return tape.gradient(mean(square(h)), own);
  });
}

// Many parameters, each read by one op and updated in place by an op of its own.
Graph many_updates(int ops, std::vector<Donation>& donations) {
  const std::size_t count = static_cast<std::size_t>(ops) / 4;
  donations.clear();
  for (std::size_t i = 0; i < count; ++i) donations.push_back({i, i});
  return testing::trace_graph(std::vector<Spec>(count, Spec{f32, {4}}), [](const Tensors& x) {
    GradientTape tape({.watch_variables = false});
    Tensors own;
    for (const Tensor& t : x) own.push_back(tape.watch(identity(t)));
    Tensor h = own[0];
    for (std::size_t i = 1; i < own.size(); ++i) h = tanh(h * own[i]);
    const Tensors gradients = tape.gradient(sum(h), own);
    Tensors results;
    for (std::size_t i = 0; i < x.size(); ++i) results.push_back(x[i] - gradients[i] * 0.1);
    return results;
  });
}

TEST(LargeGraph, GradientIsLinear) {
  expect_linear(kOps, [](int ops) {
    const double begin = thread_seconds();
    EXPECT_GT(gradient_of_chain(ops).node_count(), static_cast<std::size_t>(ops));
    return thread_seconds() - begin;
  });
}

TEST(LargeGraph, EachPassIsLinear) {
  const Graph small = gradient_of_chain(kOps);
  const Graph large = gradient_of_chain(4 * kOps);
  for (const Pass& pass : pass_table()) {
    SCOPED_TRACE(pass.name);
    expect_linear(kOps, [&](int ops) {
      const Graph& graph = ops == kOps ? small : large;
      const double begin = thread_seconds();
      pass.run(graph);
      return thread_seconds() - begin;
    });
  }
}

TEST(LargeGraph, PlanIsLinear) {
  expect_linear(kOps, [](int ops) {
    const Graph graph = run_passes(gradient_of_chain(ops), default_passes());
    const double begin = thread_seconds();
    const Plan plan(graph, {});
    return thread_seconds() - begin;
  });
}

TEST(LargeGraph, UpdatesInPlaceAreLinear) {
  expect_linear(kOps, [](int ops) {
    std::vector<Donation> donations;
    const Graph graph = many_updates(ops, donations);
    const double begin = thread_seconds();
    const Plan plan(run_passes(graph, default_passes()), {.donations = donations});
    return thread_seconds() - begin;
  });
}

// A node with thousands of inputs, as the check of all gradients is one.
TEST(LargeGraph, ManyInputsOfOneNodeAreLinear) {
  expect_linear(kOps, [](int ops) {
    const Graph graph = testing::trace_graph({{f32, {4}}}, [ops](const Tensors& x) -> Tensors {
      Tensors parts;
      for (int i = 0; i < ops; ++i) parts.push_back(sin(x[0] + i));
      const Tensor all = concatenate(parts);
      Tensors results{all};
      for (const Tensor& part : parts) results[0] = results[0] + sum(part);
      return results;
    });
    const double begin = thread_seconds();
    const Plan plan(run_passes(graph, default_passes()), {});
    return thread_seconds() - begin;
  });
}

TEST(LargeGraph, TextsAreLinear) {
  expect_linear(kOps, [](int ops) {
    const Graph graph = gradient_of_chain(ops);
    const Plan plan(graph, {});
    const double begin = thread_seconds();
    const std::size_t length =
        to_text(graph).size() + to_dot(graph).size() + plan.to_text().size() + plan.to_dot().size();
    EXPECT_GT(length, static_cast<std::size_t>(ops));
    return thread_seconds() - begin;
  });
}

// Where no order is tried the arena is still near the least that any can reach.
TEST(LargeGraph, ArenaIsCloseToTheFloor) {
  const Graph graph = run_passes(gradient_of_chain(20'000), default_passes());
  const Plan plan(graph, {});
  EXPECT_GT(plan.step_count(), 10'000u);
  EXPECT_LE(static_cast<double>(plan.memory().arena_bytes),
            1.05 * static_cast<double>(plan.memory().peak_live_bytes));
}

}  // namespace
}  // namespace nacre
