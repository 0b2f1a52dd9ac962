// Training steps of models of language, and the cost of a token; bench/pytorch_sequences.py has the
// same in PyTorch.
#include <benchmark/benchmark.h>

#include "nacre/base/threads.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

constexpr std::int64_t kVocabulary = 65;

struct Sizes {
  std::int64_t blocks, heads, width, length, batch;
};
Sizes sizes_of(const benchmark::State& state) {
  return {state.range(0), state.range(1), state.range(2), state.range(3), state.range(4)};
}

nn::Sequential network(const char* name, const Sizes& s) {
  return zoo::build(zoo::layers_of(name, {.input = {i64, {s.length}},
                                          .outputs = kVocabulary,
                                          .vocabulary = kVocabulary,
                                          .task = zoo::Task::language,
                                          .blocks = s.blocks,
                                          .heads = s.heads,
                                          .width = s.width}));
}

Tensor tokens(const Sizes& s, std::uint64_t seed) {
  return (Generator(seed).uniform({s.batch, s.length}) * static_cast<double>(kVocabulary)).to(i64);
}

// Forward, cross-entropy, backward and AdamW.
void step(benchmark::State& state, const char* name) {
  const Sizes s = sizes_of(state);
  set_threads(static_cast<int>(state.range(5)));
  Model model(network(name, s));
  model.compile({.optimizer = optim::AdamW(),
                 .loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .check_finite = false});
  const Tensor x = tokens(s, 1);
  const Tensor y = tokens(s, 2);
  model.train_on_batch(x, y);
  for (auto _ : state) model.train_on_batch(x, y);
}

void GptStep(benchmark::State& state) { step(state, "gpt"); }
void LstmStep(benchmark::State& state) { step(state, "lstm-lm"); }

// A token behind 128 others.
void GptToken(benchmark::State& state) {
  const Sizes s = sizes_of(state);
  set_threads(static_cast<int>(state.range(5)));
  nn::Layer net = network("gpt", s);
  TokenReader reader(net, s.batch, s.length);
  const Tensor token = zeros({s.batch, 1}, i64);
  for (int i = 0; i < 128; ++i) reader.read(token);
  std::int64_t at = 128;
  for (auto _ : state) {
    if (at++ == s.length) {
      state.PauseTiming();
      reader.restart();
      at = 1;
      state.ResumeTiming();
    }
    reader.read(token);
  }
}

constexpr auto kMs = benchmark::kMillisecond;
BENCHMARK(GptStep)
    ->Unit(kMs)
    ->UseRealTime()
    ->Args({4, 4, 128, 64, 12, 1})
    ->Args({4, 4, 128, 64, 12, 2});
BENCHMARK(LstmStep)
    ->Unit(kMs)
    ->UseRealTime()
    ->Args({2, 0, 256, 64, 32, 1})
    ->Args({2, 0, 256, 64, 32, 2});
BENCHMARK(GptToken)
    ->Unit(kMs)
    ->UseRealTime()
    ->Args({6, 6, 384, 256, 1, 1})
    ->Args({6, 6, 384, 256, 1, 2});

}  // namespace
}  // namespace nacre
