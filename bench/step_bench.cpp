// What a step costs beyond its kernels, and the smallest training step: MLP 16-32-32-4, batch 8,
// forward, backward and Adam, on one thread. NACRE_BENCH_PROFILE=1 in the environment prints the
// plans and where their time goes.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "nacre/base/threads.h"
#include "nacre/nacre.h"
#include "nacre/plan/plan.h"
#include "nacre/run/profile.h"

namespace nacre {
namespace {

// A parameter with its moments.
struct Adam {
  Variable value, m, v;
  explicit Adam(const Shape& shape, double fill)
      : value(full(shape, fill)), m(zeros(shape)), v(zeros(shape)) {}

  // Kingma and Ba, "Adam", 2015, algorithm 1.
  void update(const Tensor& gradient, const Tensor& rate, const Tensor& root) {
    m.assign(m * 0.9 + gradient * 0.1);
    v.assign(v * 0.999 + square(gradient) * 0.001);
    value.assign(value - rate * m.value() / (sqrt(v.value()) * root + 1e-8));
  }
};

struct SmallNet {
  std::vector<Adam> p;
  Variable step{zeros({})};
  Tensor x = full({8, 16}, 0.3);
  Tensor y = full({8, 4}, 0.25);

  SmallNet() {
    for (const auto& [in, out] : {std::pair(16, 32), {32, 32}, {32, 4}}) {
      p.emplace_back(Shape{in, out}, 0.05);
      p.emplace_back(Shape{out}, 0.01);
    }
  }

  Tensor train(const Tensor& in, const Tensor& want) {
    GradientTape tape;
    Tensor h = relu(matmul(in, p[0].value) + p[1].value);
    h = relu(matmul(h, p[2].value) + p[3].value);
    const Tensor loss = mean(square(matmul(h, p[4].value) + p[5].value - want));
    Tensors variables;
    for (const Adam& a : p) variables.push_back(a.value.value());
    const Tensors gradients = tape.gradient(loss, variables);
    step.assign(step + 1);
    const Tensor t = step.value();
    const Tensor rate = 0.001 / (1 - pow(Tensor::scalar(0.9), t));
    const Tensor root = rsqrt(1 - pow(Tensor::scalar(0.999), t));
    for (std::size_t i = 0; i < p.size(); ++i) p[i].update(gradients[i], rate, root);
    return loss;
  }
};

void BM_SmallTrainingStep(benchmark::State& state) {
  set_threads(1);
  SmallNet net;
  auto step = compile([&](const Tensor& x, const Tensor& y) { return net.train(x, y); });
  step(net.x, net.y);
  for (auto _ : state) benchmark::DoNotOptimize(step(net.x, net.y));
  if (std::getenv("NACRE_BENCH_PROFILE")) {
    std::printf("%s\n%s", step.function().plan_text().c_str(),
                profile(step, net.x, net.y).to_text(12).c_str());
  }
}
BENCHMARK(BM_SmallTrainingStep)->Unit(benchmark::kMicrosecond);

// A chain of views and steps that do nothing: what the loop over the steps costs.
void BM_ReplayOverheadPerStep(benchmark::State& state) {
  set_threads(1);
  constexpr int kSteps = 100;
  auto chain = compile(
      [](const Tensor& x) {
        Tensor y = x;
        for (int i = 0; i < kSteps; ++i) y = -y;
        return y;
      },
      {.optimize = false});
  const Tensor x = ones({1});
  chain(x);
  for (auto _ : state) benchmark::DoNotOptimize(chain(x));
  state.counters["ns_per_step"] = benchmark::Counter(
      kSteps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_ReplayOverheadPerStep);

// A call of a compiled function whose plan is one small step.
void BM_CompiledCall(benchmark::State& state) {
  set_threads(1);
  auto f = compile([](const Tensor& x) { return x + 1; });
  const Tensor x = ones({16});
  f(x);
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
}
BENCHMARK(BM_CompiledCall);

void BM_EagerAdd16(benchmark::State& state) {
  const Tensor x = ones({16});
  for (auto _ : state) benchmark::DoNotOptimize(x + x);
}
BENCHMARK(BM_EagerAdd16);

// Tracing, passes and planning of the small step.
void BM_CompileSmallTrainingStep(benchmark::State& state) {
  set_threads(1);
  for (auto _ : state) {
    SmallNet net;
    auto step = compile([&](const Tensor& x, const Tensor& y) { return net.train(x, y); });
    benchmark::DoNotOptimize(step(net.x, net.y));
  }
}
BENCHMARK(BM_CompileSmallTrainingStep)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nacre
