// The fused region that a step of Adam or AdamW becomes, in registers: the interpreter of regions
// takes twice as long where the parameters are in cache. Same operations in the same order, same
// bits.
#include <array>
#include <optional>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/fused.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/fused/adam.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd-inl.h"

#ifndef NACRE_KERNELS_CPU_ADAM_ONCE
#define NACRE_KERNELS_CPU_ADAM_ONCE
namespace nacre::cpu {

struct AdamNumbers {
  float gradient_share, first_share;  // of the first moment: (1 - beta1) g + beta1 m
  float square_share, second_share;   // of the second
  float epsilon;
  float weight_decay;  // added to the gradient; 0 where there is none
  bool shrinks;        // the value is multiplied by `shrink` first (AdamW)
};

struct AdamArrays {
  const float *gradient, *first, *second, *value;
  float *new_first, *new_second, *new_value;
};

// Numbers that change from step to step: 1 / sqrt of the second moment's bias correction, the rate
// over that of the first, and AdamW's factor.
struct AdamScalars {
  float correction, rate, shrink;
};

using AdamFn = void (*)(const AdamNumbers& numbers, const AdamArrays& arrays,
                        const AdamScalars& scalars, std::size_t begin, std::size_t end);

}  // namespace nacre::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace {

template <bool kDecays, bool kShrinks>
void adam(const AdamNumbers& k, const AdamArrays& a, const AdamScalars& scalars, std::size_t begin,
          std::size_t end) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto step = [&](std::size_t i, auto load, auto store) HWY_ATTR {
    auto value = load(a.value + i);
    auto g = load(a.gradient + i);
    if constexpr (kDecays) g = hn::Add(g, hn::Mul(hn::Set(d, k.weight_decay), value));
    if constexpr (kShrinks) value = hn::Mul(value, hn::Set(d, scalars.shrink));
    const auto first = hn::Add(hn::Mul(hn::Set(d, k.first_share), load(a.first + i)),
                               hn::Mul(hn::Set(d, k.gradient_share), g));
    const auto second = hn::Add(hn::Mul(hn::Set(d, k.second_share), load(a.second + i)),
                                hn::Mul(hn::Set(d, k.square_share), hn::Mul(g, g)));
    const auto below =
        hn::Add(hn::Mul(hn::Sqrt(second), hn::Set(d, scalars.correction)), hn::Set(d, k.epsilon));
    const auto change = hn::Mul(hn::Set(d, scalars.rate), hn::Div(first, below));
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

AdamFn adam_of_target(bool decays, bool shrinks) {
  if (decays) return shrinks ? adam<true, true> : adam<true, false>;
  return shrinks ? adam<false, true> : adam<false, false>;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {

HWY_EXPORT(adam_of_target);

namespace {

// A register of the region: an input or what an instruction wrote.
using Register = std::uint16_t;

// Reads the region backwards from its outputs.
class Reader {
 public:
  explicit Reader(const FusedProgram& program) : program_(program) {}

  bool is_input(Register r) const { return r < program_.input_count(); }
  // `r` is op(a, b), in this order.
  bool is(Register r, Op op, Register& a, Register& b) const {
    const auto* i = instruction(r, op, 2);
    if (!i) return false;
    a = i->arguments[0];
    b = i->arguments[1];
    return true;
  }
  bool is(Register r, Op op, Register& a) const {
    const auto* i = instruction(r, op, 1);
    if (i) a = i->arguments[0];
    return i != nullptr;
  }
  // `r` is constant * x.
  bool is_multiple(Register r, float& constant, Register& x) const {
    Register c = 0;
    return is(r, Op::mul, c, x) && is_constant(c, constant);
  }
  bool is_constant(Register r, float& value) const {
    const auto* i = instruction(r, Op::constant, 0);
    if (i) value = static_cast<float>(i->attrs.number("value"));
    return i != nullptr;
  }

 private:
  const FusedProgram::Instruction* instruction(Register r, Op op, std::size_t arguments) const {
    if (is_input(r)) return nullptr;
    const auto& i = program_.instructions()[r - program_.input_count()];
    return i.op == op && i.dtype == f32 && i.arguments.size() == arguments ? &i : nullptr;
  }
  const FusedProgram& program_;
};

// Which inputs play which part.
struct AdamMatch {
  AdamNumbers numbers;
  Register gradient, first, second, value, correction, rate, shrink;
};

// optim::Adam's or AdamW's update of a parameter, as the fusion pass writes it.
std::optional<AdamMatch> match(const KernelQuery& q) {
  const auto& program = static_cast<const FusedProgram&>(q.attrs.payload("program"));
  if (program.outputs().size() != 3) return {};
  const Reader read(program);
  const Register new_first = program.outputs()[0];
  const Register new_second = program.outputs()[1];
  AdamMatch m{};
  AdamNumbers& k = m.numbers;
  Register a = 0, b = 0, kept = 0, fresh = 0, g = 0, same_g = 0;
  // value - rate * (first / (sqrt(second) * correction + epsilon))
  if (!read.is(program.outputs()[2], Op::sub, m.value, a)) return {};
  if (!read.is(a, Op::mul, m.rate, b) || !read.is(b, Op::div, a, b) || a != new_first) return {};
  if (!read.is(b, Op::add, a, b) || !read.is_constant(b, k.epsilon)) return {};
  if (!read.is(a, Op::mul, a, m.correction)) return {};
  if (!read.is(a, Op::sqrt, a) || a != new_second) return {};
  // first = beta1 * first + (1 - beta1) * g
  if (!read.is(new_first, Op::add, kept, fresh)) return {};
  if (!read.is_multiple(kept, k.first_share, m.first)) return {};
  if (!read.is_multiple(fresh, k.gradient_share, g)) return {};
  // second = beta2 * second + (1 - beta2) * g^2
  if (!read.is(new_second, Op::add, kept, fresh)) return {};
  if (!read.is_multiple(kept, k.second_share, m.second)) return {};
  if (!read.is_multiple(fresh, k.square_share, a)) return {};
  if (!read.is(a, Op::square, same_g) || same_g != g) return {};
  // The value may be multiplied by a number first, a multiple of it may be added to the gradient.
  if (read.is(m.value, Op::mul, a, b)) {
    m.value = a;
    m.shrink = b;
    k.shrinks = true;
  }
  m.gradient = g;
  if (read.is(g, Op::add, m.gradient, a)) {
    if (!read.is_multiple(a, k.weight_decay, b) || b != m.value) return {};
  }
  const std::int64_t n = program.shape().elements();
  const auto fits = [&](Register r, std::int64_t elements) {
    return read.is_input(r) && q.inputs[r].dtype == f32 && q.inputs[r].elements() == elements;
  };
  for (const Register r : {m.gradient, m.first, m.second, m.value}) {
    if (!fits(r, n)) return {};
  }
  if (!fits(m.correction, 1) || !fits(m.rate, 1) || (k.shrinks && !fits(m.shrink, 1))) return {};
  return m;
}

PreparedKernel prepare(const KernelQuery& q) {
  constexpr std::int64_t kLeast = 4096;
  const std::int64_t n = q.outputs[0].elements();
  const int workers = workers_for(microseconds_to_move(28.0 * static_cast<double>(n)), q.threads);
  const AdamMatch m = *match(q);
  const AdamFn run =
      HWY_DYNAMIC_DISPATCH(adam_of_target)(m.numbers.weight_decay != 0, m.numbers.shrinks);
  std::uint32_t in_place = 0;
  for (const Register r : {m.gradient, m.first, m.second, m.value}) in_place |= 1u << r;
  PreparedKernel kernel = make_kernel(
      [m, n, workers, run, inputs = q.inputs.size()](void* const* pointers, const RunContext&) {
        const auto in = [&](Register r) { return static_cast<const float*>(pointers[r]); };
        const auto out = [&](std::size_t i) { return static_cast<float*>(pointers[inputs + i]); };
        const AdamArrays arrays{in(m.gradient), in(m.first), in(m.second), in(m.value),
                                out(0),         out(1),      out(2)};
        const AdamScalars scalars{*in(m.correction), *in(m.rate),
                                  m.numbers.shrinks ? *in(m.shrink) : 1.0f};
        parallel_for(workers, n, kLeast, [&](std::int64_t begin, std::int64_t end) {
          run(m.numbers, arrays, scalars, static_cast<std::size_t>(begin),
              static_cast<std::size_t>(end));
        });
      },
      0, in_place);
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
