// Large graphs: how long tracing, differentiating, the passes, planning and printing take, for
// functions of a thousand to a hundred thousand ops. All of it should grow with the number of ops.
#include <benchmark/benchmark.h>

#include <chrono>

#include "nacre/nacre.h"
#include "nacre/passes/pipeline.h"
#include "nacre/plan/plan.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

using Clock = std::chrono::steady_clock;
const Shape kShape{8, 8};

// Milliseconds since the last call.
class Laps {
 public:
  double lap() {
    const Clock::time_point now = Clock::now();
    const std::chrono::duration<double, std::milli> took = now - last_;
    last_ = now;
    return took.count();
  }

 private:
  Clock::time_point last_ = Clock::now();
};

// A function with `ops` ops whose gradient keeps all of its values: two of elements, one product.
Tensor chain(const Tensor& x, const Tensor& w, std::int64_t ops) {
  Tensor h = x;
  for (std::int64_t i = 0; i < ops / 3; ++i) h = tanh(matmul(h, w)) + x;
  return mean(square(h));
}

// Times each part of what compile(grad(f)) does; the argument is the number of the function's ops.
void GraphChain(benchmark::State& state) {
  double trace = 0, gradient = 0, passes = 0, plan = 0, print = 0;
  std::size_t nodes = 0, steps = 0;
  for (auto _ : state) {
    Laps laps;
    TraceSession session;
    GradientTape tape({.watch_variables = false});
    const Tensor x = tape.watch(session.argument({f32, kShape}));
    const Tensor w = tape.watch(session.argument({f32, kShape}));
    const Tensor loss = chain(x, w, state.range(0));
    trace = laps.lap();
    const Tensors gradients = tape.gradient(loss, {x, w});
    Graph& graph = session.trace()->graph;
    graph.set_results({loss.value(), gradients[0].value(), gradients[1].value()});
    nodes = graph.node_count();
    gradient = laps.lap();
    const Graph optimized = run_passes(graph, default_passes());
    passes = laps.lap();
    const Plan bound(optimized, {});
    plan = laps.lap();
    benchmark::DoNotOptimize(to_text(graph).size() + bound.to_text().size());
    print = laps.lap();
    steps = bound.step_count();
  }
  state.counters["trace_ms"] = trace;
  state.counters["gradient_ms"] = gradient;
  state.counters["passes_ms"] = passes;
  state.counters["plan_ms"] = plan;
  state.counters["print_ms"] = print;
  state.counters["nodes"] = static_cast<double>(nodes);
  state.counters["steps"] = static_cast<double>(steps);
}

// A training step with one Variable for every six ops of the network: the first call of a compiled
// function less the second, which is a replay.
void GraphVariables(benchmark::State& state) {
  double first = 0, second = 0;
  for (auto _ : state) {
    std::vector<Variable> weights;
    nn::NamedVariables names;
    for (std::int64_t i = 0; i < state.range(0) / 6; ++i) {
      weights.emplace_back(zeros(kShape));
      names.push_back({std::to_string(i), weights.back().cell()});
    }
    optim::Adam adam;
    auto step = compile([&](const Tensor& x) {
      const auto loss = [&](const Tensor& in) {
        Tensor h = in;
        for (const Variable& w : weights) h = tanh(matmul(h, w)) * 0.5 + relu(h) - in;
        return mean(square(h));
      };
      auto [value, gradients] = value_and_grad(loss, weights)(x);
      adam.apply(names, gradients);
      return value;
    });
    const Tensor x = zeros(kShape);
    Laps laps;
    step(x);
    first = laps.lap();
    step(x);
    second = laps.lap();
  }
  state.counters["compile_ms"] = first - second;
  state.counters["replay_ms"] = second;
}

BENCHMARK(GraphChain)->RangeMultiplier(10)->Range(1000, 100'000)->Arg(32'000)->Iterations(1);
BENCHMARK(GraphVariables)->RangeMultiplier(10)->Range(1000, 100'000)->Iterations(1);

}  // namespace
}  // namespace nacre
