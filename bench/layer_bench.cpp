// Layers and losses, forward and backward in one compiled function: .../0 as they are, .../1 from
// elementwise ops and sums, as a user might write them.
#include <benchmark/benchmark.h>

#include "nacre/base/threads.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

using benchmark::State;
using Function = std::function<Tensor(const Tensor&)>;

Tensor numbers(const Shape& shape) { return random_normal(Generator(1).next_key(), shape); }

void measure(State& state, const Function& f, const Tensor& x) {
  set_threads(1);
  auto step = compile(value_and_grad(f));
  step(x);
  for (auto _ : state) benchmark::DoNotOptimize(step(x));
}

Tensor normalized(const Tensor& x, const std::vector<int>& axes, const Shape& shape) {
  const Tensor centred = x - mean(x, axes, true);
  const Tensor y = centred * rsqrt(mean(square(centred), axes, true) + 1e-5);
  return y * full(shape, 1.5) + full(shape, 0.5);
}

void LayerNormStep(State& state) {
  const Tensor u = numbers({512, 768});
  nn::LayerNorm layer;
  const Function own = [&](const Tensor& x) { return sum(layer(x) * u); };
  const Function written = [&](const Tensor& x) { return sum(normalized(x, {-1}, {768}) * u); };
  measure(state, state.range(0) == 0 ? own : written, numbers({512, 768}));
}
BENCHMARK(LayerNormStep)->Arg(0)->Arg(1);

void BatchNormStep(State& state) {
  const Tensor u = numbers({32, 64, 14, 14});
  nn::BatchNorm layer;
  const TrainingScope train;
  const Function own = [&](const Tensor& x) { return sum(layer(x) * u); };
  const Function written = [&](const Tensor& x) {
    return sum(normalized(x, {0, 2, 3}, {64, 1, 1}) * u);
  };
  measure(state, state.range(0) == 0 ? own : written, numbers({32, 64, 14, 14}));
}
BENCHMARK(BatchNormStep)->Arg(0)->Arg(1);

// Cross-entropy on the output of softmax: found behind it, or not.
void SoftmaxLossStep(State& state) {
  const Tensor labels = random_integers(Generator(2).next_key(), Shape{128}, 0, state.range(1));
  const loss::Loss on_probabilities = loss::sparse_categorical_crossentropy();
  const Function own = [&](const Tensor& x) { return on_probabilities(softmax(x), labels); };
  const Function hidden = [&](const Tensor& x) {
    return on_probabilities(identity(softmax(x)), labels);
  };
  measure(state, state.range(0) == 0 ? own : hidden, numbers({128, state.range(1)}));
}
BENCHMARK(SoftmaxLossStep)->Args({0, 10})->Args({1, 10})->Args({0, 1000})->Args({1, 1000});

}  // namespace
}  // namespace nacre
