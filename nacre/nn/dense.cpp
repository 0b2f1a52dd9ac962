#include "nacre/nn/dense.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"

namespace nacre::nn {

Dense::Dense(DenseOptions options, Location at) : LayerBase("Dense"), options_(std::move(options)) {
  if (options_.units < 1 || options_.inputs < 0) {
    throw ValueError(format_error(
        {.op = "Dense",
         .what = fmt::format("units = {}, inputs = {}; units must be at least 1 and inputs at "
                             "least 0",
                             options_.units, options_.inputs),
         .location = at,
         .hint = "write nn::Dense({.units = 10})"}));
  }
  if (!options_.use_bias && options_.bias_initializer) {
    throw ValueError(format_error({.op = "Dense",
                                   .what = "bias_initializer is given, but use_bias is false",
                                   .location = at}));
  }
  if (options_.inputs > 0) {
    const LayerCall call(*this);
    build(call, zeros({0, options_.inputs}));
  }
}

Dense::Dense(First units, DenseOptions options)
    : Dense(sized("Dense", std::move(options), &DenseOptions::units, units), units.at) {}

void Dense::visit(ModuleVisitor& visitor) {
  visitor.variable("weight", weight);
  if (options_.use_bias) visitor.variable("bias", bias);
}

void Dense::build(const LayerCall& call, const Operand& x) {
  const Tensor input = x.tensor();
  if (input.rank() == 0) call.fail_shape(x, "a scalar has no features");
  const DType dtype = is_floating(input.dtype()) ? input.dtype() : f32;
  if (!weight.defined()) {
    const Shape shape{options_.units, input.size(-1)};
    define_variable(
        weight,
        initial(options_.weight_initializer, init::glorot_uniform(), shape, dtype, fans_of(shape)),
        "weight");
  }
  if (options_.use_bias && !bias.defined()) {
    const Shape shape{options_.units};
    define_variable(
        bias, initial(options_.bias_initializer, init::zeros(), shape, dtype, fans_of(shape), 1),
        "bias");
  }
}

Tensor Dense::operator()(const Operand& given) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  if (!weight.defined() || (options_.use_bias && !bias.defined())) build(call, x);
  const Tensor input = x.tensor();
  if (weight.shape()[0] != options_.units) {
    call.fail_shape(
        x,
        fmt::format("it has weights {}, but units = {}", to_string(weight.spec()), options_.units),
        "the weights were loaded from a file of another network");
  }
  if (input.rank() == 0 || input.size(-1) != weight.shape()[1]) {
    call.fail_shape(
        x,
        fmt::format("it takes {} features, the last axis of the input has {}", weight.shape()[1],
                    input.rank() == 0 ? 0 : input.size(-1)),
        "leave Dense's .inputs out, or check the layer before it; nn::Flatten joins axes");
  }
  const std::string& function = options_.activation.name();
  // A sigmoid stays apart, so that a loss can find its logits; where none does, a pass joins them.
  const bool fused = function == "relu" || function == "tanh" || function == "gelu";
  if (options_.use_bias && input.rank() >= 2) {
    const Tensor y =
        linear(x, weight, bias, {.transpose_b = true, .activation = fused ? function : "none"});
    return call.done(fused ? y : options_.activation(Operand(y, x.at())));
  }
  Tensor y = matmul(x, weight, {.transpose_b = true});
  if (options_.use_bias) y = add(Operand(y, x.at()), bias);
  return call.done(options_.activation(Operand(y, x.at())));
}

}  // namespace nacre::nn
