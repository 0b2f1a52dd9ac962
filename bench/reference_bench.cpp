// Kernels beside the references they stand in for: .../0 is the kernel, .../1 the reference.
#include <benchmark/benchmark.h>

#include "bench/bound.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

using I = std::vector<std::int64_t>;

Tensor numbers(const Shape& shape) { return random_normal(Generator(1).next_key(), shape); }
Tensor places(const Shape& shape, std::int64_t size) {
  return random_integers(Generator(2).next_key(), shape, 0, size);
}

struct Case {
  const char* name;
  Op op;
  Attrs attrs;
  Tensors (*inputs)();
};

// All of about 4 MiB: more than the caches near a core hold.
const Case kCases[] = {
    {"slice_columns",
     Op::slice,
     {{"start", I{0, 8}}, {"size", I{4096, 224}}, {"step", I{1, 1}}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"slice_flip",
     Op::slice,
     {{"start", I{0, 255}}, {"size", I{4096, 256}}, {"step", I{1, -1}}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"slice_update",
     Op::slice_update,
     {{"start", I{0, 8}}, {"step", I{1, 1}}},
     [] {
       return Tensors{numbers({4096, 256}), numbers({4096, 128})};
     }},
    {"concat",
     Op::concat,
     {{"axis", 1}},
     [] {
       return Tensors{numbers({4096, 100}), numbers({4096, 28}), numbers({4096, 128})};
     }},
    {"split",
     Op::split,
     {{"axis", 1}, {"sizes", I{100, 28, 128}}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"roll",
     Op::roll,
     {{"shifts", I{0, 7}}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"pad",
     Op::pad,
     {{"low", I{0, 0, 2, 2}}, {"high", I{0, 0, 2, 2}}, {"mode", "constant"}, {"value", 0.0}},
     [] {
       return Tensors{numbers({32, 32, 32, 32})};
     }},
    {"pad_reflect",
     Op::pad,
     {{"low", I{0, 0, 2, 2}}, {"high", I{0, 0, 2, 2}}, {"mode", "reflect"}, {"value", 0.0}},
     [] {
       return Tensors{numbers({32, 32, 32, 32})};
     }},
    {"unpad_reflect",
     Op::unpad,
     {{"low", I{0, 0, 2, 2}}, {"high", I{0, 0, 2, 2}}, {"mode", "reflect"}},
     [] {
       return Tensors{numbers({32, 32, 36, 36})};
     }},
    {"triangle",
     Op::triangle,
     {{"lower", true}, {"diagonal", 0}},
     [] {
       return Tensors{numbers({16, 256, 256})};
     }},
    {"gather_rows",
     Op::gather,
     {{"axis", 0}},
     [] {
       return Tensors{numbers({10000, 128}), places({8192}, 10000)};
     }},
    {"take_along_axis",
     Op::take_along_axis,
     {{"axis", 1}},
     [] {
       return Tensors{numbers({4096, 256}), places({4096, 256}, 256)};
     }},
    {"gather_nd",
     Op::gather_nd,
     {},
     [] {
       return Tensors{numbers({100, 100, 128}), places({8192, 2}, 100)};
     }},
    {"one_hot",
     Op::one_hot,
     {{"depth", 1000}, {"axis", -1}, {"dtype", f32}},
     [] { return Tensors{places({1024}, 1000)}; }},
    {"scatter_add_rows",
     Op::scatter,
     {{"axis", 0}, {"reduce", "add"}},
     [] {
       return Tensors{numbers({10000, 128}), places({8192}, 10000), numbers({8192, 128})};
     }},
    {"put_along_axis",
     Op::put_along_axis,
     {{"axis", 1}, {"reduce", "add"}},
     [] {
       return Tensors{numbers({4096, 256}), places({4096, 256}, 256), numbers({4096, 256})};
     }},
    {"scatter_nd",
     Op::scatter_nd,
     {{"reduce", "add"}},
     [] {
       return Tensors{numbers({100, 100, 128}), places({8192, 2}, 100), numbers({8192, 128})};
     }},
    {"reduce_prod",
     Op::reduce_prod,
     {{"axes", I{1}}, {"keep_dims", false}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"reduce_any",
     Op::reduce_any,
     {{"axes", I{1}}, {"keep_dims", false}},
     [] {
       return Tensors{zeros({4096, 1024}, boolean)};
     }},
    {"logsumexp",
     Op::logsumexp,
     {{"axes", I{1}}, {"keep_dims", false}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"cumsum",
     Op::cumsum,
     {{"axis", 1}, {"exclusive", false}, {"reverse", false}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"cumsum_columns",
     Op::cumsum,
     {{"axis", 0}, {"exclusive", false}, {"reverse", false}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"cummax",
     Op::cummax,
     {{"axis", 1}},
     [] {
       return Tensors{numbers({4096, 256})};
     }},
    {"frame",
     Op::frame,
     {{"length", 400}, {"hop", 160}, {"pad", 200}, {"reflect", true}},
     [] {
       return Tensors{numbers({8, 48000})};
     }},
    {"overlap_add",
     Op::overlap_add,
     {{"size", 48000}, {"hop", 160}, {"pad", 200}, {"reflect", true}},
     [] {
       return Tensors{numbers({8, 301, 400})};
     }},
    {"sort",
     Op::sort,
     {{"axis", 1}, {"descending", false}},
     [] {
       return Tensors{numbers({256, 4096})};
     }},
    {"sort_i64",
     Op::sort,
     {{"axis", 1}, {"descending", false}},
     [] {
       return Tensors{places({256, 4096}, 1000000)};
     }},
    {"sort_short",
     Op::sort,
     {{"axis", 1}, {"descending", false}},
     [] {
       return Tensors{numbers({16384, 64})};
     }},
    {"top_10",
     Op::top_k,
     {{"k", 10}, {"axis", 1}, {"largest", true}},
     [] {
       return Tensors{numbers({256, 4096})};
     }},
    {"searchsorted",
     Op::searchsorted,
     {{"right", false}},
     [] {
       return Tensors{linspace(-3, 3, 1000), numbers({1 << 20})};
     }},
    {"exponential",
     Op::random_exponential,
     {{"dtype", f32}, {"shape", I{1 << 20}}},
     [] { return Tensors{Generator(1).next_key()}; }},
    {"truncated_normal",
     Op::random_truncated_normal,
     {{"mean", 0.0},
      {"stddev", 1.0},
      {"low", -2.0},
      {"high", 2.0},
      {"dtype", f32},
      {"shape", I{1 << 20}}},
     [] { return Tensors{Generator(1).next_key()}; }},
    {"integers",
     Op::random_integers,
     {{"low", 0}, {"high", 100}, {"dtype", i64}, {"shape", I{1 << 20}}},
     [] { return Tensors{Generator(1).next_key()}; }},
    {"bernoulli",
     Op::random_bernoulli,
     {{"dtype", f32}, {"shape", I{1 << 20}}},
     [] {
       return Tensors{Generator(1).next_key(), full({}, 0.3)};
     }},
    {"permutation",
     Op::random_permutation,
     {{"count", 1 << 20}},
     [] { return Tensors{Generator(1).next_key()}; }},
    {"categorical",
     Op::random_categorical,
     {{"samples", 1}},
     [] {
       return Tensors{Generator(1).next_key(), numbers({4096, 256})};
     }},
    {"gamma",
     Op::random_gamma,
     {{"shape", I{1 << 18}}},
     [] {
       return Tensors{Generator(1).next_key(), full({}, 2.5)};
     }},
};

void measure(benchmark::State& state, const Case& c) {
  BoundKernel bound(c.op, c.attrs, c.inputs(), 1, state.range(0) == 1);
  for (auto _ : state) bound.run();
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bound.bytes()));
}

const bool kRegistered = [] {
  for (const Case& c : kCases) {
    benchmark::RegisterBenchmark((std::string("Against/") + c.name).c_str(),
                                 [&c](benchmark::State& state) { measure(state, c); })
        ->Arg(0)
        ->Arg(1);
  }
  return true;
}();

}  // namespace
}  // namespace nacre
