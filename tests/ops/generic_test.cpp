// The checks that hold for every op, driven by nothing but its definition and samples: on the CPU,
// and on a backend whose memory the host may not touch.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "nacre/base/threads.h"
#include "nacre/kernels/backend.h"
#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/host2.h"
#include "tests/support/samples.h"

namespace nacre::testing {
namespace {

struct Case {
  Op op;
  Backend& (*backend)();
};

class EveryOp : public ::testing::TestWithParam<Case> {
 protected:
  Op op() const { return GetParam().op; }
  const OpDef& def() const { return op_def(op()); }

 private:
  BackendScope backend_{GetParam().backend()};
};

bool structural(Op op) { return op == Op::input || op == Op::constant; }

// Runs one kernel of the current backend on inputs placed `misalign` elements past an aligned
// address.
Tensors run_kernel(Op op, const Attrs& attrs, const Tensors& inputs, bool reference,
                   std::size_t misalign = 0, int thread_count = 1) {
  MemorySpace& space = current_backend().memory();
  SpecList in;
  std::vector<Buffer> memory;
  std::vector<void*> pointers;
  const auto place = [&](const Spec& spec) {
    const std::size_t shift = misalign * size_of(spec.dtype);
    memory.push_back(Buffer::allocate(spec.bytes() + shift + 1, space));
    pointers.push_back(static_cast<char*>(memory.back().data()) + shift);
  };
  for (const Tensor& t : inputs) {
    in.push_back(t.spec());
    place(t.spec());
    space.from_host(pointers.back(), t.raw_data(), t.spec().bytes());
  }
  const SpecList out = infer_specs(op, attrs, in, {});
  for (const Spec& spec : out) place(spec);
  const PreparedKernel kernel = prepare_kernel({op, attrs, in, out, thread_count}, reference);
  const Buffer scratch = Buffer::allocate(kernel.scratch_bytes, space);
  kernel.run(kernel.state.get(), pointers.data(), {thread_count, scratch.data()});
  Tensors results;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Tensor t(out[i]);
    space.to_host(t.raw_mutable_data(), pointers[in.size() + i], out[i].bytes());
    results.push_back(t);
  }
  return results;
}

std::pair<double, double> tolerance(DType dtype, double scale) {
  switch (dtype) {
    case DType::f64:
      return {1e-10 * scale, 1e-11 * scale};
    case DType::bf16:
      return {1.6e-2 * scale, 1e-3 * scale};
    case DType::f16:
      return {2e-3 * scale, 1e-3 * scale};
    case DType::f32:
      return {2e-6 * scale, 1e-5 * scale};
    default:
      return {0, 0};
  }
}

// One differentiable number of the outputs: the sum of each floating one times fixed weights.
Tensor weighted_sum(std::span<const Tensor> outputs) {
  Tensor total;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_floating(outputs[i].dtype())) continue;
    const SampleInput weights{{outputs[i].dtype(), outputs[i].shape()}, 0.5, 1.5};
    const Tensor part = sum(outputs[i] * fill_input(weights, 900 + i));
    total = total.defined() ? total + part : part;
  }
  return total;
}

std::vector<std::size_t> floating_inputs(const Tensors& inputs) {
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (is_floating(inputs[i].dtype())) which.push_back(i);
  }
  return which;
}

// The gradients of scalar(f(inputs)) for the inputs named by `which`.
template <class F>
Tensors gradients_of(F&& f, const Tensors& inputs, const std::vector<std::size_t>& which) {
  Tensors own = inputs;
  Tensors sources;
  GradientTape tape;
  for (const std::size_t i : which) {
    own[i] = identity(own[i]);
    sources.push_back(tape.watch(own[i]));
  }
  return tape.gradient(f(own), sources);
}

// `gradients` of f at `inputs` against central differences, at some elements of each input.
template <class F>
std::string check_gradients(F&& f, const Tensors& inputs, const Tensors& gradients,
                            const std::vector<std::size_t>& which, double scale) {
  constexpr double kStep = 1e-5;
  constexpr std::size_t kMost = 12;
  for (std::size_t k = 0; k < which.size(); ++k) {
    const Tensor& x = inputs[which[k]];
    const std::vector<double> gradient = gradients[k].to_vector<double>();
    const std::size_t stride = gradient.size() > kMost ? gradient.size() / kMost : 1;
    for (std::size_t i = 0; i < gradient.size(); i += stride) {
      const auto at = [&](double delta) {
        Tensors moved = inputs;
        moved[which[k]] = x.clone();
        moved[which[k]].template mutable_data<double>()[i] += delta;
        return f(moved).template item<double>();
      };
      const double expected = (at(kStep) - at(-kStep)) / (2 * kStep);
      const double error = std::fabs(gradient[i] - expected);
      if (!(error <= scale * (1e-6 + 2e-6 * std::fabs(expected)))) {
        return fmt::format("input {}, element {}: gradient {:.9g}, finite difference {:.9g}",
                           which[k], i, gradient[i], expected);
      }
    }
  }
  return {};
}

TEST_P(EveryOp, HasSamplesReferenceAndGradient) {
  EXPECT_EQ(name_of(op()), def().name);
  ASSERT_NE(def().infer, nullptr);
  ASSERT_NE(def().samples, nullptr);
  if (structural(op())) return;
  EXPECT_NE(def().reference, nullptr) << "no reference";
  EXPECT_FALSE(def().samples().empty()) << "no samples";
  if (def().gradient == Gradient::vjp) {
    EXPECT_NE(def().vjp, nullptr) << "no gradient";
  } else {
    EXPECT_EQ(def().vjp, nullptr) << "a gradient rule that is never used";
  }
}

TEST_P(EveryOp, KernelEqualsReference) {
  for (const Sample& sample : def().samples()) {
    for (const DType floats : {f32, f64, bf16}) {
      if (floats != f32 && std::none_of(sample.inputs.begin(), sample.inputs.end(),
                                        [](const auto& i) { return i.spec.dtype == f32; })) {
        continue;
      }
      const Sample s = floats == f32 ? sample : with_floats(sample, floats);
      const Tensors inputs = fill_inputs(s, 1);
      Tensors expected;
      try {
        expected = run_kernel(op(), s.attrs, inputs, true);
      } catch (const DTypeError&) {
        continue;  // an op may refuse bf16 or f64 with a clear error
      }
      for (const std::size_t misalign : {0, 1}) {
        for (const int thread_count : {1, 2}) {
          const Tensors actual = run_kernel(op(), s.attrs, inputs, false, misalign, thread_count);
          for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto [relative, absolute] = tolerance(expected[i].dtype(), s.tolerance_scale);
            EXPECT_EQ(difference(actual[i], expected[i], relative, absolute), "")
                << describe(op(), s) << " output " << i << " misalign " << misalign << " threads "
                << thread_count;
          }
        }
      }
    }
  }
}

TEST_P(EveryOp, GradientEqualsFiniteDifferences) {
  if (def().gradient != Gradient::vjp) return;
  for (const Sample& sample : def().samples()) {
    if (!sample.check_gradient) continue;
    const Sample s = with_floats(sample, f64);
    const Tensors inputs = fill_inputs(s, 2);
    const std::vector<std::size_t> which = floating_inputs(inputs);
    if (which.empty()) continue;
    const auto value = [&](const Tensors& x) { return weighted_sum(emit(op(), s.attrs, x, {})); };
    const auto slope = [&](const Tensors& x) {
      return weighted_sum(gradients_of(value, x, which));
    };
    EXPECT_EQ(check_gradients(value, inputs, gradients_of(value, inputs, which), which,
                              s.tolerance_scale),
              "")
        << describe(op(), s) << " first order";
    if (!def().second_order) continue;
    EXPECT_EQ(check_gradients(slope, inputs, gradients_of(slope, inputs, which), which,
                              10 * s.tolerance_scale),
              "")
        << describe(op(), s) << " second order";
  }
}

TEST_P(EveryOp, CompiledEqualsEager) {
  if (structural(op())) return;
  for (const Sample& sample : def().samples()) {
    const Tensors inputs = fill_inputs(sample, 3);
    // The neighbours before and after give the planner something to fuse and to overwrite.
    const auto run = [&](const Tensors& x) {
      Tensors own = x;
      for (Tensor& t : own) {
        if (is_floating(t.dtype())) t = t * 0.5;
      }
      if (own.empty()) own.push_back(ones({1}));
      Tensors out;
      const std::span<const Tensor> used(own.data(), x.size());
      for (const Tensor& t : emit(op(), sample.attrs, used, {})) {
        out.push_back(is_floating(t.dtype()) ? neg(t) : t);
      }
      return out;
    };
    Tensors doubled = inputs;
    for (Tensor& t : doubled) {
      if (is_floating(t.dtype())) t = t * 2.0;
    }
    const Tensors before = doubled;
    Tensors kept;
    for (const Tensor& t : doubled) kept.push_back(t.clone());
    const Tensors expected = run(doubled);
    auto compiled = compile(run);
    for (int repeat = 0; repeat < 2; ++repeat) {
      const Tensors actual = compiled(doubled);
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto [relative, absolute] = tolerance(expected[i].dtype(), sample.tolerance_scale);
        EXPECT_EQ(difference(actual[i], expected[i], relative, absolute), "")
            << describe(op(), sample) << " output " << i;
      }
    }
    // Nothing wrote over the user's memory.
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(difference(before[i], kept[i], 0, 0), "") << describe(op(), sample);
    }
  }
}

TEST_P(EveryOp, InPlaceIsSafeWhereClaimed) {
  if (structural(op())) return;
  MemorySpace& space = current_backend().memory();
  for (const Sample& sample : def().samples()) {
    const Tensors inputs = fill_inputs(sample, 4);
    SpecList in;
    for (const Tensor& t : inputs) in.push_back(t.spec());
    const SpecList out = infer_specs(op(), sample.attrs, in, {});
    const PreparedKernel kernel = prepare_kernel({op(), sample.attrs, in, out, 1});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!((kernel.in_place >> i) & 1u) || in[i].bytes() != out[0].bytes()) continue;
      const Tensors expected = run_kernel(op(), sample.attrs, inputs, false);
      Tensors own;
      std::vector<void*> pointers;
      for (const Tensor& t : inputs) {
        own.push_back(t.in(space).clone());
        pointers.push_back(own.back().buffer().data());
      }
      Tensors outputs;
      for (std::size_t k = 0; k < out.size(); ++k) {
        outputs.push_back(Tensor(out[k], space));
        pointers.push_back(k == 0 ? pointers[i] : outputs[k].buffer().data());
      }
      const Buffer scratch = Buffer::allocate(kernel.scratch_bytes, space);
      kernel.run(kernel.state.get(), pointers.data(), {1, scratch.data()});
      const Tensor result(out[0], own[i].buffer());
      EXPECT_EQ(difference(result, expected[0], 0, 0), "")
          << describe(op(), sample) << " over input " << i;
    }
  }
}

std::vector<Case> all_ops(Backend& (*backend)()) {
  std::vector<Case> cases;
  for (int i = 0; i < kOpCount; ++i) cases.push_back({static_cast<Op>(i), backend});
  return cases;
}

const auto name_of_case = [](const auto& info) { return std::string(name_of(info.param.op)); };

INSTANTIATE_TEST_SUITE_P(Ops, EveryOp, ::testing::ValuesIn(all_ops(cpu_backend)), name_of_case);
INSTANTIATE_TEST_SUITE_P(OpsOnHost2, EveryOp, ::testing::ValuesIn(all_ops(host2_backend)),
                         name_of_case);

TEST(OpTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const OpDef* def : all_op_defs()) {
    EXPECT_TRUE(names.insert(def->name).second) << def->name;
  }
}

}  // namespace
}  // namespace nacre::testing
