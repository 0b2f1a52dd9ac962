// Fourier transforms and matrix decompositions beside the bare library that computes them, on the
// same data: what the op adds is checks, layout and fixing of signs. Eager calls on one thread.
#include <benchmark/benchmark.h>

#include <complex>
#include <kissfft/kissfft.hh>
#include <vector>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/linalg/lapack.h"
#include "nacre/nacre.h"

namespace nacre {
namespace {

using benchmark::State;
using cpu::Lapack;

// [count, n, n], symmetric and positive definite.
Tensor matrices(std::int64_t n, DType dtype) {
  const Tensor a = Generator(1).normal({n, n}, 0, 1, dtype);
  return matmul(a, a, {.transpose_b = true}) + n * eye(n, dtype);
}

void FftNacre(State& state) {
  set_threads(1);
  const Tensor x = Generator(1).normal({state.range(0), state.range(1), 2}, 0, 1, f64);
  for (auto _ : state) benchmark::DoNotOptimize(fft(x));
}
void FftKiss(State& state) {
  const auto n = static_cast<std::size_t>(state.range(1));
  const Tensor x = Generator(1).normal({state.range(0), state.range(1), 2}, 0, 1, f64);
  Tensor out(x.spec());
  const kissfft<double> transform(n, false);
  const auto* from = static_cast<const std::complex<double>*>(x.raw_data());
  auto* to = static_cast<std::complex<double>*>(out.raw_mutable_data());
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      const auto at = static_cast<std::size_t>(i) * n;
      transform.transform(from + at, to + at);
    }
    benchmark::ClobberMemory();
  }
}
BENCHMARK(FftNacre)->Args({64, 512})->Args({1, 65536})->Unit(benchmark::kMicrosecond);
BENCHMARK(FftKiss)->Args({64, 512})->Args({1, 65536})->Unit(benchmark::kMicrosecond);

void SolveNacre(State& state) {
  set_threads(1);
  const Tensor a = matrices(state.range(0), f64);
  const Tensor b = ones({state.range(0), 4}, f64);
  for (auto _ : state) benchmark::DoNotOptimize(solve(a, b));
}
void SolveLapack(State& state) {
  const LibraryTeam one(1);
  const auto n = static_cast<int>(state.range(0));
  const int columns = 4;
  const std::vector<double> a = matrices(n, f64).to_vector<double>();
  std::vector<double> b(static_cast<std::size_t>(n * columns));
  std::vector<int> pivots(static_cast<std::size_t>(n));
  int info = 0;
  for (auto _ : state) {
    std::vector<double> copy = a;
    std::fill(b.begin(), b.end(), 1.0);
    Lapack<double>::getrf(&n, &n, copy.data(), &n, pivots.data(), &info);
    Lapack<double>::getrs("T", &n, &columns, copy.data(), &n, pivots.data(), b.data(), &n, &info,
                          1);
    benchmark::DoNotOptimize(b.data());
  }
}

void CholeskyNacre(State& state) {
  set_threads(1);
  const Tensor a = matrices(state.range(0), f64);
  for (auto _ : state) benchmark::DoNotOptimize(cholesky(a));
}
void CholeskyLapack(State& state) {
  const auto n = static_cast<int>(state.range(0));
  const std::vector<double> a = matrices(n, f64).to_vector<double>();
  int info = 0;
  for (auto _ : state) {
    std::vector<double> copy = a;
    Lapack<double>::potrf("U", &n, copy.data(), &n, &info, 1);
    benchmark::DoNotOptimize(copy.data());
  }
}

void EighNacre(State& state) {
  set_threads(1);
  const Tensor a = matrices(state.range(0), f64);
  for (auto _ : state) benchmark::DoNotOptimize(eigh(a));
}
void EighLapack(State& state) {
  const auto n = static_cast<int>(state.range(0));
  const std::vector<double> a = matrices(n, f64).to_vector<double>();
  std::vector<double> values(static_cast<std::size_t>(n));
  double wanted = 0;
  int wanted_integers = 0;
  int info = 0;
  const int ask = -1;
  std::vector<double> copy = a;
  Lapack<double>::syevd("V", "U", &n, copy.data(), &n, values.data(), &wanted, &ask,
                        &wanted_integers, &ask, &info, 1, 1);
  const int size = static_cast<int>(wanted);
  std::vector<double> work(static_cast<std::size_t>(size));
  std::vector<int> integers(static_cast<std::size_t>(wanted_integers));
  for (auto _ : state) {
    copy = a;
    Lapack<double>::syevd("V", "U", &n, copy.data(), &n, values.data(), work.data(), &size,
                          integers.data(), &wanted_integers, &info, 1, 1);
    benchmark::DoNotOptimize(copy.data());
  }
}

void SvdNacre(State& state) {
  set_threads(1);
  const Tensor a = matrices(state.range(0), f64);
  for (auto _ : state) benchmark::DoNotOptimize(svd(a));
}
void SvdLapack(State& state) {
  const auto n = static_cast<int>(state.range(0));
  const std::vector<double> a = matrices(n, f64).to_vector<double>();
  std::vector<double> s(static_cast<std::size_t>(n));
  std::vector<double> u(a.size());
  std::vector<double> vh(a.size());
  std::vector<int> integers(static_cast<std::size_t>(8 * n));
  double wanted = 0;
  const int ask = -1;
  int info = 0;
  std::vector<double> copy = a;
  Lapack<double>::gesdd("S", &n, &n, copy.data(), &n, s.data(), u.data(), &n, vh.data(), &n,
                        &wanted, &ask, integers.data(), &info, 1);
  const int size = static_cast<int>(wanted);
  std::vector<double> work(static_cast<std::size_t>(size));
  for (auto _ : state) {
    copy = a;
    Lapack<double>::gesdd("S", &n, &n, copy.data(), &n, s.data(), u.data(), &n, vh.data(), &n,
                          work.data(), &size, integers.data(), &info, 1);
    benchmark::DoNotOptimize(s.data());
  }
}

BENCHMARK(SolveNacre)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK(SolveLapack)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK(CholeskyNacre)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK(CholeskyLapack)->Arg(16)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK(EighNacre)->Arg(16)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(EighLapack)->Arg(16)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(SvdNacre)->Arg(16)->Arg(128)->Unit(benchmark::kMicrosecond);
BENCHMARK(SvdLapack)->Arg(16)->Arg(128)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nacre
