// Whole training steps (forward, backward, Adam) as a user writes them: the MLPs and the
// convolutional network of the introductory articles. bench/pytorch_steps.py times the same steps.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "nacre/base/threads.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

nn::Sequential make_mlp(std::int64_t hidden) {
  return nn::Sequential{nn::Dense{{.units = hidden, .activation = relu}}, nn::Dense{{.units = 10}}};
}

// MLP 16-32-32-4 on four classes.
nn::Sequential make_tiny() {
  return nn::Sequential{nn::Dense{{.units = 32, .activation = relu}},
                        nn::Dense{{.units = 32, .activation = relu}}, nn::Dense{{.units = 4}}};
}

nn::Sequential make_cnn() {
  return nn::Sequential{nn::Conv2d{{.filters = 32, .kernel_size = 3, .activation = relu}},
                        nn::MaxPool2d{},
                        nn::Conv2d{{.filters = 64, .kernel_size = 3, .activation = relu}},
                        nn::MaxPool2d{},
                        nn::Flatten{},
                        nn::Dense{{.units = 10}}};
}

// Four convolutions of 64 channels on pictures of 32x32, and a dense layer.
nn::Sequential make_conv64() {
  nn::Sequential network;
  for (int i = 0; i < 4; ++i) {
    network.push_back(
        nn::Conv2d{{.filters = 64, .kernel_size = 3, .padding = kSame, .activation = relu}});
  }
  network.push_back(nn::MaxPool2d{{.kernel_size = 4}});
  network.push_back(nn::Flatten{});
  network.push_back(nn::Dense{{.units = 10}});
  return network;
}

// The state's arguments are the batch and the number of threads.
void train(benchmark::State& state, nn::Sequential network, Shape sample, std::int64_t classes,
           Precision precision = Precision::f32, optim::Optimizer optimizer = optim::Adam()) {
  const std::int64_t batch = state.range(0);
  set_threads(static_cast<int>(state.range(1)));
  Shape shape{batch};
  for (const std::int64_t n : sample) shape.push_back(n);
  const Tensor x = Generator(1).uniform(shape);
  const Tensor y = remainder(arange(batch, i64), classes);
  network(x);  // makes the parameters
  const loss::Loss entropy = loss::sparse_categorical_crossentropy({.from_logits = true});
  auto step = compile(
      [&](const Tensor& in, const Tensor& labels) {
        const auto [value, gradients] =
            value_and_grad([&] { return entropy(network(in), labels); }, network)();
        optimizer.apply(network, gradients);
        return value;
      },
      {.precision = precision});
  for (int i = 0; i < 3; ++i) step(x, y);
  for (auto _ : state) benchmark::DoNotOptimize(step(x, y));
  if (std::getenv("NACRE_BENCH_PROFILE")) {
    std::printf("%s\n%s", step.function().plan_text().c_str(),
                profile(step, x, y).to_text(40).c_str());
  }
  set_threads(1);
}

void TrainTiny(benchmark::State& state) { train(state, make_tiny(), {16}, 4); }
void TrainMlp10(benchmark::State& state) { train(state, make_mlp(10), {784}, 10); }
void TrainMlp512(benchmark::State& state) { train(state, make_mlp(512), {784}, 10); }
void TrainCnn(benchmark::State& state) { train(state, make_cnn(), {1, 28, 28}, 10); }

void TrainConv64(benchmark::State& state) { train(state, make_conv64(), {3, 32, 32}, 10); }
void TrainMlp512AdamW(benchmark::State& state) {
  train(state, make_mlp(512), {784}, 10, Precision::f32, optim::AdamW());
}
// "automatic" is f32 where bf16 would not be faster.
void TrainMlp512Bf16(benchmark::State& state) {
  train(state, make_mlp(512), {784}, 10, Precision::automatic);
}
void TrainCnnBf16(benchmark::State& state) {
  train(state, make_cnn(), {1, 28, 28}, 10, Precision::automatic);
}
void TrainConv64Bf16(benchmark::State& state) {
  train(state, make_conv64(), {3, 32, 32}, 10, Precision::automatic);
}

// Epochs of Model::fit over 20,000 samples in memory; the counter is the time of a step.
void FitMlp10(benchmark::State& state) {
  set_threads(static_cast<int>(state.range(1)));
  constexpr std::int64_t kSamples = 20000;
  const Tensor x = Generator(1).uniform({kSamples, 784});
  const Tensor y = remainder(arange(kSamples, i64), 10);
  Model model{make_mlp(10)};
  model.compile({.loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {metric::accuracy()}});
  const FitOptions options{.epochs = 1, .batch_size = state.range(0), .verbose = 0};
  model.fit(x, y, options);
  for (auto _ : state) model.fit(x, y, options);
  const double steps = static_cast<double>(kSamples) / static_cast<double>(state.range(0));
  state.counters["step"] = benchmark::Counter(
      steps, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  set_threads(1);
}

BENCHMARK(TrainTiny)->Args({8, 1})->Unit(benchmark::kMicrosecond);
BENCHMARK(TrainMlp10)
    ->ArgsProduct({{32, 128}, {1, 2}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(TrainMlp512)
    ->ArgsProduct({{1, 32, 128}, {1, 2}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(TrainMlp512AdamW)->Args({32, 1})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(FitMlp10)->Args({32, 1})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(TrainMlp512Bf16)
    ->ArgsProduct({{32, 128}, {1, 2}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(TrainCnn)->ArgsProduct({{32, 128}, {1, 2}})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(TrainCnnBf16)
    ->ArgsProduct({{32, 128}, {1, 2}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();
BENCHMARK(TrainConv64)->ArgsProduct({{32}, {1, 2}})->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(TrainConv64Bf16)
    ->ArgsProduct({{32}, {1, 2}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
}  // namespace nacre
