// Single ops: eager calls and prepared kernels.
#include <benchmark/benchmark.h>

#include "bench/bound.h"
#include "bench/ceiling.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/fused.h"

namespace nacre {
namespace {

Tensor numbers(const Shape& shape, double low = -1, double high = 1) {
  return linspace(low, high, shape.elements()).reshape(shape);
}

using bench::against_ceiling;
using bench::Traffic;
using benchmark::Counter;
using benchmark::State;

void EagerAdd(State& state) {
  set_threads(1);
  const Tensor a = numbers({state.range(0)});
  const Tensor b = numbers({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(EagerAdd)->Arg(16)->Arg(4096);

void Elementwise(State& state, Op op) {
  const std::int64_t n = state.range(0);
  const Tensor x = numbers({n}, 0.1, 3);
  Tensors inputs{x};
  if (op == Op::add) inputs.push_back(x);
  BoundKernel bound(op, {}, inputs);
  for (auto _ : state) bound.run();
  state.counters["elements"] = Counter(static_cast<double>(n), Counter::kIsIterationInvariantRate);
  against_ceiling(state, static_cast<double>(n), static_cast<double>(n * (op == Op::add ? 12 : 8)));
}
BENCHMARK_CAPTURE(Elementwise, add, Op::add)->Arg(4096)->Arg(1 << 22);
BENCHMARK_CAPTURE(Elementwise, exp, Op::exp)->Arg(4096)->Arg(1 << 22);
BENCHMARK_CAPTURE(Elementwise, log, Op::log)->Arg(4096);
BENCHMARK_CAPTURE(Elementwise, tanh, Op::tanh)->Arg(4096);
BENCHMARK_CAPTURE(Elementwise, sigmoid, Op::sigmoid)->Arg(4096);
BENCHMARK_CAPTURE(Elementwise, erf, Op::erf)->Arg(4096);
BENCHMARK_CAPTURE(Elementwise, sin, Op::sin)->Arg(4096);

void Sum(State& state, std::int64_t axis) {
  const std::int64_t n = state.range(0);
  BoundKernel bound(Op::reduce_sum,
                    {{"axes", std::vector<std::int64_t>{axis}}, {"keep_dims", false}},
                    {numbers({n, n})});
  for (auto _ : state) bound.run();
  state.SetBytesProcessed(state.iterations() * n * n * 4);
  against_ceiling(state, static_cast<double>(n * n), static_cast<double>(n * n * 4), Traffic::read);
}
BENCHMARK_CAPTURE(Sum, rows, 1)->Arg(128)->Arg(4096);
BENCHMARK_CAPTURE(Sum, columns, 0)->Arg(128)->Arg(4096);

void Softmax(State& state) {
  BoundKernel bound(Op::softmax, {{"axis", 1}}, {numbers({state.range(0), state.range(1)})});
  for (auto _ : state) bound.run();
  state.counters["elements"] = Counter(static_cast<double>(state.range(0) * state.range(1)),
                                       Counter::kIsIterationInvariantRate);
  const auto n = static_cast<double>(state.range(0) * state.range(1));
  against_ceiling(state, 4 * n, 8 * n);
}
BENCHMARK(Softmax)->Args({128, 10})->Args({128, 1000});

void TransposeMatrix(State& state) {
  const std::int64_t n = state.range(0);
  BoundKernel bound(Op::transpose, {{"axes", std::vector<std::int64_t>{1, 0}}}, {numbers({n, n})});
  for (auto _ : state) bound.run();
  state.SetBytesProcessed(state.iterations() * n * n * 8);
  against_ceiling(state, 0, static_cast<double>(n * n * 8));
}
BENCHMARK(TransposeMatrix)->Arg(256)->Arg(2048);

void Product(State& state, bool ta, bool tb, DType dtype) {
  const std::int64_t m = state.range(0);
  const std::int64_t n = state.range(1);
  const std::int64_t k = state.range(2);
  BoundKernel bound(Op::matmul, {{"transpose_a", ta}, {"transpose_b", tb}},
                    {numbers(ta ? Shape{k, m} : Shape{m, k}).to(dtype),
                     numbers(tb ? Shape{n, k} : Shape{k, n}).to(dtype)});
  for (auto _ : state) bound.run();
  state.counters["flops"] =
      Counter(2.0 * static_cast<double>(m * n * k), Counter::kIsIterationInvariantRate);
  // The ceiling is that of f32 whatever the dtype: f64 reaches half of it at best, bf16 may exceed
  // it.
  against_ceiling(state, 2.0 * static_cast<double>(m * n * k),
                  static_cast<double>((m * k + k * n + m * n) * 4));
}
BENCHMARK_CAPTURE(Product, f32, false, false, f32)
    ->Args({8, 32, 16})
    ->Args({8, 4, 32})
    ->Args({32, 32, 32})
    ->Args({64, 64, 64})
    ->Args({128, 128, 128})
    ->Args({1024, 1024, 1024});
BENCHMARK_CAPTURE(Product, f32_transposed_b, false, true, f32)
    ->Args({8, 32, 32})
    ->Args({64, 64, 64});
BENCHMARK_CAPTURE(Product, f32_transposed_a, true, false, f32)->Args({32, 32, 8});
BENCHMARK_CAPTURE(Product, f64, false, false, f64)
    ->Args({512, 512, 512})
    ->Args({1024, 1024, 1024})
    ->Args({1000, 1100, 900});
BENCHMARK_CAPTURE(Product, f64_transposed_a, true, false, f64)->Args({512, 512, 512});
BENCHMARK_CAPTURE(Product, bf16, false, false, bf16)->Args({1024, 1024, 1024});

// Adam's update of n parameters as the fusion pass would write it: parameter, gradient, two
// moments.
void FusedAdam(State& state) {
  const std::int64_t n = state.range(0);
  using I = FusedProgram::Instruction;
  const auto constant = [](double v) { return I{Op::constant, {{"value", v}}, f32, {}}; };
  const auto make = [](Op op, std::initializer_list<std::uint16_t> args) {
    return I{op, {}, f32, args};
  };
  // 0 p, 1 g, 2 m, 3 v; constants 4..9.
  std::vector<I> program = {constant(0.9),           constant(0.1),  constant(0.999),
                            constant(0.001),         constant(1e-8), constant(1e-3),
                            make(Op::mul, {2, 4}),    // 10
                            make(Op::mul, {1, 5}),    // 11
                            make(Op::add, {10, 11}),  // 12 m
                            make(Op::mul, {3, 6}),    // 13
                            make(Op::square, {1}),    // 14
                            make(Op::mul, {14, 7}),   // 15
                            make(Op::add, {13, 15}),  // 16 v
                            make(Op::sqrt, {16}),     // 17
                            make(Op::add, {17, 8}),   // 18
                            make(Op::div, {12, 18}),  // 19
                            make(Op::mul, {19, 9}),   // 20
                            make(Op::sub, {0, 20})};  // 21 p
  const PayloadPtr payload =
      std::make_shared<FusedProgram>(4, Shape{n}, program, std::vector<std::uint16_t>{21, 12, 16});
  const Tensor x = numbers({n}, 0.1, 1);
  BoundKernel bound(Op::fused_elementwise, {{"program", payload}},
                    {x, x.clone(), x.clone(), x.clone()}, static_cast<int>(state.range(1)));
  for (auto _ : state) bound.run();
  state.SetBytesProcessed(state.iterations() * n * 28);
  against_ceiling(state, 12.0 * static_cast<double>(n), 28.0 * static_cast<double>(n));
}
BENCHMARK(FusedAdam)->Args({1 << 12, 1})->Args({1 << 20, 1})->Args({1 << 20, 2});

}  // namespace
}  // namespace nacre
