// custom_gradient {rule}: inputs y, x...: y, with the rule as its gradient with respect to x.
// custom_gradients {rule, outputs}: the same for several y, which come first.
// optimization_barrier.
#include "nacre/ops/define/gradient_rule.h"

#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"

namespace nacre {

Tensor optimization_barrier(const Operand& x) {
  return emit_one(Op::optimization_barrier, {x.tensor()}, x.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

TensorList apply_rule(G c) {
  const std::size_t outputs = c.outputs.size();
  const auto& payload = static_cast<const GradientRulePayload&>(c.attrs.payload("rule"));
  const Tensors inputs(c.inputs.begin() + static_cast<std::ptrdiff_t>(outputs), c.inputs.end());
  Tensors cotangents;
  for (std::size_t i = 0; i < outputs; ++i) cotangents.push_back(c.ct(i));
  const Tensors gradients =
      payload.rule()(inputs, Tensors(c.outputs.begin(), c.outputs.end()), cotangents);
  const auto fail = [&](const std::string& what) {
    throw ShapeError(format_error({.op = payload.name(),
                                   .what = what,
                                   .location = current_origin({}).location,
                                   .hint = "return one gradient for each input, of its shape and "
                                           "dtype; Tensor() stands for zero"}));
  };
  if (gradients.size() != inputs.size()) {
    fail(fmt::format("the gradient rule returns {} gradients for {} inputs", gradients.size(),
                     inputs.size()));
  }
  TensorList result;
  result.resize(outputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (gradients[i].defined() && c.wanted[outputs + i] &&
        !(gradients[i].spec() == inputs[i].spec())) {
      fail(fmt::format("gradient {} is {}, the input {}", i, to_string(gradients[i].spec()),
                       to_string(inputs[i].spec())));
    }
    result.push_back(gradients[i]);
  }
  return result;
}

void copy_outputs(const ReferenceContext& c) {
  for (std::size_t i = 0; i < c.out_specs.size(); ++i) {
    if (c.out_specs[i].bytes()) std::memcpy(c.out[i], c.in[i], c.out_specs[i].bytes());
  }
}

// A rule as a user might give it.
PayloadPtr example_rule() {
  static const auto rule = std::make_shared<GradientRulePayload>(
      "example", [](const Tensors& x, const Tensors&, const Tensors& ct) {
        return Tensors(x.size(), ct[0] * 2);
      });
  return rule;
}

std::vector<Sample> samples_rule() {
  // The first input is hidden from differentiation: finite differences do not apply.
  return {{.inputs = {{{f32, {3, 5}}}, {{f32, {3, 5}}}},
           .attrs = {{"rule", example_rule()}, {"outputs", 1}},
           .check_gradient = false}};
}

}  // namespace

const OpDef custom_gradient = {
    .name = "custom_gradient",
    .infer = [](const InferContext& c) -> SpecList {
      if (c.inputs.empty()) c.fail_value("no inputs");
      return {c.inputs[0]};
    },
    .vjp = apply_rule,
    .reference = copy_outputs,
    .onnx = "Identity",
    .samples = samples_rule,
    .is_view = true,
};

const OpDef custom_gradients = {
    .name = "custom_gradients",
    .infer = [](const InferContext& c) -> SpecList {
      const auto count = static_cast<std::size_t>(c.attrs.integer("outputs"));
      if (count > c.inputs.size()) c.fail_value("more outputs than inputs");
      return SpecList(c.inputs.first(count));
    },
    .vjp = apply_rule,
    .reference = copy_outputs,
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {{{f32, {3, 5}}}, {{f32, {7}}}, {{f32, {3, 5}}}},
               .attrs = {{"rule", example_rule()}, {"outputs", 2}},
               .check_gradient = false}};
    },
};

const OpDef optimization_barrier = {
    .name = "optimization_barrier",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      return {c.inputs[0]};
    },
    .vjp = [](G c) -> L { return {c.ct()}; },
    .reference = copy_outputs,
    .onnx = "Identity",
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {{{f32, {3, 7}}}}}, {.inputs = {{{i32, {5}}, 0, 9, Fill::integers}}}};
    },
    .is_view = true,
};

}  // namespace op_defs
}  // namespace nacre
