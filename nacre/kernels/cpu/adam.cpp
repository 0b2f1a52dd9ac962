// The fused region that a step of Adam becomes, in registers: the interpreter of regions takes
// twice as long where the parameters are in cache. Same operations in the same order, same bits.
#include <algorithm>
#include <array>
#include <optional>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/fused.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/adam.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd-inl.h"

#ifndef NACRE_KERNELS_CPU_ADAM_ONCE
#define NACRE_KERNELS_CPU_ADAM_ONCE
namespace nacre::cpu {

struct AdamNumbers {
  float gradient_share, first_share;  // of the first moment: (1 - beta1) g + beta1 m
  float square_share, second_share;   // of the second
  float epsilon;
};

struct AdamArrays {
  const float *gradient, *first, *second, *value;
  float *new_first, *new_second, *new_value;
};

using AdamFn = void (*)(const AdamNumbers& numbers, const AdamArrays& arrays, float correction,
                        float rate, std::size_t begin, std::size_t end);

}  // namespace nacre::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace {

void adam(const AdamNumbers& k, const AdamArrays& a, float correction, float rate,
          std::size_t begin, std::size_t end) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto step = [&](std::size_t i, auto load, auto store) HWY_ATTR {
    const auto g = load(a.gradient + i);
    const auto first = hn::Add(hn::Mul(hn::Set(d, k.first_share), load(a.first + i)),
                               hn::Mul(hn::Set(d, k.gradient_share), g));
    const auto second = hn::Add(hn::Mul(hn::Set(d, k.second_share), load(a.second + i)),
                                hn::Mul(hn::Set(d, k.square_share), hn::Mul(g, g)));
    const auto below =
        hn::Add(hn::Mul(hn::Sqrt(second), hn::Set(d, correction)), hn::Set(d, k.epsilon));
    const auto value = load(a.value + i);
    const auto change = hn::Mul(hn::Set(d, rate), hn::Div(first, below));
    store(first, a.new_first + i);
    store(second, a.new_second + i);
    store(hn::Sub(value, change), a.new_value + i);
  };
  std::size_t i = begin;
  for (; i + lanes <= end; i += lanes) {
    step(
        i, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); },
        [&](auto v, float* p) HWY_ATTR { hn::StoreU(v, d, p); });
  }
  if (i == end) return;
  const std::size_t n = end - i;
  step(
      i, [&](const float* p) HWY_ATTR { return load_some(d, p, n); },
      [&](auto v, float* p) HWY_ATTR { store_some(d, v, p, n); });
}

}  // namespace

AdamFn adam_of_target() { return adam; }

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {

HWY_EXPORT(adam_of_target);

namespace {

struct Expected {
  Op op;
  std::array<std::uint16_t, 2> arguments;
  std::size_t count;
};

// optim::Adam's update as the fusion pass writes it. Inputs: gradient, first and second moment, the
// correction of the second's bias, the rate, the value.
constexpr Expected kProgram[] = {
    {Op::constant, {}, 0}, {Op::mul, {6, 0}, 2},    {Op::constant, {}, 0},  {Op::mul, {8, 1}, 2},
    {Op::add, {9, 7}, 2},  {Op::square, {0, 0}, 1}, {Op::constant, {}, 0},  {Op::mul, {12, 11}, 2},
    {Op::constant, {}, 0}, {Op::mul, {14, 2}, 2},   {Op::add, {15, 13}, 2}, {Op::sqrt, {16, 0}, 1},
    {Op::mul, {17, 3}, 2}, {Op::constant, {}, 0},   {Op::add, {18, 19}, 2}, {Op::div, {10, 20}, 2},
    {Op::mul, {4, 21}, 2}, {Op::sub, {5, 22}, 2},
};

std::optional<AdamNumbers> match(const KernelQuery& q) {
  const auto& program = static_cast<const FusedProgram&>(q.attrs.payload("program"));
  const auto& instructions = program.instructions();
  if (program.input_count() != 6 || instructions.size() != std::size(kProgram)) return {};
  if (program.outputs() != std::vector<std::uint16_t>{10, 16, 23}) return {};
  const std::int64_t n = program.shape().elements();
  for (std::size_t k = 0; k < 6; ++k) {
    const bool scalar = k == 3 || k == 4;
    if (q.inputs[k].dtype != f32 || q.inputs[k].elements() != (scalar ? 1 : n)) return {};
  }
  std::array<float, 24> constants{};
  for (std::size_t i = 0; i < std::size(kProgram); ++i) {
    const Expected& e = kProgram[i];
    const auto& given = instructions[i];
    if (given.op != e.op || given.dtype != f32 || given.arguments.size() != e.count) return {};
    if (!std::equal(given.arguments.begin(), given.arguments.end(), e.arguments.begin())) return {};
    if (e.op == Op::constant) {
      constants[6 + i] = static_cast<float>(given.attrs.number("value"));
    }
  }
  return AdamNumbers{.gradient_share = constants[6],
                     .first_share = constants[8],
                     .square_share = constants[12],
                     .second_share = constants[14],
                     .epsilon = constants[19]};
}

PreparedKernel prepare(const KernelQuery& q) {
  constexpr std::int64_t kLeast = 4096;
  const std::int64_t n = q.inputs[0].elements();
  const int workers = workers_for(microseconds_to_move(28.0 * static_cast<double>(n)), q.threads);
  PreparedKernel kernel = make_kernel(
      [numbers = *match(q), n, workers, run = HWY_DYNAMIC_DISPATCH(adam_of_target)()](
          void* const* pointers, const RunContext&) {
        const auto in = [&](std::size_t k) { return static_cast<const float*>(pointers[k]); };
        const auto out = [&](std::size_t k) { return static_cast<float*>(pointers[6 + k]); };
        const AdamArrays arrays{in(0), in(1), in(2), in(5), out(0), out(1), out(2)};
        parallel_for(workers, n, kLeast, [&](std::int64_t begin, std::int64_t end) {
          run(numbers, arrays, *in(3), *in(4), static_cast<std::size_t>(begin),
              static_cast<std::size_t>(end));
        });
      },
      0, 0b100111);
  kernel.in_place_each = true;
  return kernel;
}

constexpr KernelRow kRows[] = {{Op::fused_elementwise, "adam",
                                [](const KernelQuery& q) { return match(q).has_value(); },
                                prepare}};

}  // namespace

std::span<const KernelRow> adam_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif
