// Loops: how long a plan of a recurrent net takes to make, what it holds, and what a step of it
// costs.
#include <benchmark/benchmark.h>

#include <chrono>

#include "nacre/base/threads.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kUnits = 64;

// The gradient of a simple recurrent net over `steps` rows.
auto make_step(const Tensor& w, std::int64_t checkpoint) {
  return compile(grad([=](const Tensor& u, const Tensor& xs) {
    const auto [last, ys] = scan(
        [&](const Tensor& h, const Tensor& x) {
          const Tensor next = tanh(matmul(x, w) + matmul(h, u));
          return std::pair(next, next);
        },
        zeros({kBatch, kUnits}), xs, {.checkpoint = checkpoint});
    return mean(square(ys)) + mean(square(last));
  }));
}

// The arguments are the steps and the checkpoint interval.
void ScanPlan(benchmark::State& state) {
  const Tensor w = Generator(1).normal({kUnits, kUnits}, 0, 0.1);
  const Tensor xs = zeros({state.range(0), kBatch, kUnits});
  std::size_t bytes = 0;
  double first_call = 0;
  double replay = 0;
  for (auto _ : state) {
    using Clock = std::chrono::steady_clock;
    auto step = make_step(w, state.range(1));
    const auto begin = Clock::now();
    step(w, xs);
    const auto planned = Clock::now();
    step(w, xs);
    first_call = std::chrono::duration<double, std::milli>(planned - begin).count();
    replay = std::chrono::duration<double, std::milli>(Clock::now() - planned).count();
    bytes = step.function().statistics().plan_bytes;
  }
  state.counters["plan_ms"] = first_call - replay;
  state.counters["replay_ms"] = replay;
  state.counters["plan_MB"] = static_cast<double>(bytes) / 1e6;
}

BENCHMARK(ScanPlan)
    ->Args({10, 0})
    ->Args({100, 0})
    ->Args({1000, 0})
    ->Args({10000, 0})
    ->Args({10000, 100})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nacre
