#include "nacre/nn/norm.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"
#include "nacre/run/tape.h"

namespace nacre::nn {
namespace {

DType float_type(const Operand& x) { return is_floating(x.dtype()) ? x.dtype() : f32; }

// The operands of a norm in one dtype, the widest among them; undefined ones stay so.
struct Operands {
  Tensor x;
  Tensor weight;
  Tensor bias;
};
Operands in_one_dtype(const Operand& x, const Variable* weight, const Variable* bias) {
  Operands all{x.tensor(), weight ? weight->value() : Tensor(), bias ? bias->value() : Tensor()};
  DType dtype = float_type(x);
  for (const Tensor* t : {&all.weight, &all.bias}) {
    if (t->defined()) dtype = promote(dtype, t->dtype());
  }
  for (Tensor* t : {&all.x, &all.weight, &all.bias}) {
    if (t->defined()) *t = cast({*t, x.at()}, dtype);
  }
  return all;
}

void expect_rank(const LayerCall& call, const Operand& x, int least) {
  if (x.tensor().rank() >= least) return;
  call.fail_shape(
      x, fmt::format("it takes at least {} axes, the input has {}", least, x.tensor().rank()));
}

void expect_epsilon(const char* layer, double epsilon) {
  if (!(epsilon >= 0)) throw ValueError(fmt::format("{}: epsilon {} is below 0", layer, epsilon));
}

}  // namespace

BatchNorm::BatchNorm(BatchNormOptions options) : LayerBase("BatchNorm"), options_(options) {
  expect_epsilon("BatchNorm", options.epsilon);
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    throw ValueError(fmt::format("BatchNorm: momentum {} is not in [0, 1]", options.momentum));
  }
  if (options_.inputs > 0) {
    const LayerCall call(*this);
    build(options_.inputs, f32);
  }
}

void BatchNorm::visit(ModuleVisitor& visitor) {
  if (options_.affine) {
    visitor.variable("weight", weight);
    visitor.variable("bias", bias);
  }
  for (const auto& [name, v] :
       {std::pair("running_mean", &running_mean), std::pair("running_var", &running_var),
        std::pair("num_batches_tracked", &num_batches_tracked)}) {
    visitor.variable(name, *v);
    v->set_trainable(false);  // whatever was asked of the whole module
  }
}

void BatchNorm::build(std::int64_t channels, DType dtype) {
  const auto make = [&](Variable& v, double value, const char* name, bool trainable) {
    if (!v.defined()) define_variable(v, full({channels}, value, dtype), name, trainable);
    if (!trainable) v.set_trainable(false);
  };
  if (options_.affine) {
    make(weight, 1, "weight", true);
    make(bias, 0, "bias", true);
  }
  make(running_mean, 0, "running_mean", false);
  make(running_var, 1, "running_var", false);
  if (!num_batches_tracked.defined()) {
    define_variable(num_batches_tracked, zeros({}, i64), "num_batches_tracked", false);
  }
  num_batches_tracked.set_trainable(false);
}

Tensor BatchNorm::operator()(const Operand& x) {
  const LayerCall call(*this);
  expect_rank(call, x, 2);
  const Tensor input = x.tensor();
  build(input.size(1), float_type(x));
  if (running_mean.shape()[0] != input.size(1)) {
    call.fail_shape(x, fmt::format("it takes {} channels, axis 1 of the input has {}",
                                   running_mean.shape()[0], input.size(1)));
  }
  const bool frozen = options_.affine && !weight.trainable() && !bias.trainable();
  const Operands all =
      in_one_dtype(x, options_.affine ? &weight : nullptr, options_.affine ? &bias : nullptr);
  const NormOptions norm{.epsilon = options_.epsilon};
  if (!training() || frozen) {
    return call.done(batch_norm_inference({all.x, x.at()}, running_mean, running_var, all.weight,
                                          all.bias, norm));
  }
  const BatchNormResult result = batch_norm({all.x, x.at()}, all.weight, all.bias, norm);
  const TapePause pause;
  const double n = static_cast<double>(input.elements() / std::max<std::int64_t>(1, input.size(1)));
  const double unbiased = n > 1 ? n / (n - 1) : 1;
  const auto follow = [&](Variable& running, const Tensor& now) {
    const Tensor value = cast(stop_gradient(now), running.value().dtype());
    running.assign(options_.momentum * running + (1 - options_.momentum) * value);
  };
  follow(running_mean, result.mean);
  follow(running_var, result.variance * unbiased);
  num_batches_tracked.assign(num_batches_tracked + 1);
  return call.done(result.y);
}

LayerNorm::LayerNorm(LayerNormOptions options) : LayerBase("LayerNorm"), options_(options) {
  expect_epsilon("LayerNorm", options.epsilon);
  if (options.axes < 1) throw ValueError("LayerNorm: axes must be at least 1");
}

void LayerNorm::visit(ModuleVisitor& visitor) {
  if (!options_.affine) return;
  visitor.variable("weight", weight);
  if (options_.use_bias) visitor.variable("bias", bias);
}

Tensor LayerNorm::operator()(const Operand& x) {
  const LayerCall call(*this);
  expect_rank(call, x, options_.axes);
  const Tensor input = x.tensor();
  std::vector<int> axes;
  Shape shape;
  for (int i = -options_.axes; i < 0; ++i) {
    axes.push_back(i);
    shape.push_back(input.size(i));
  }
  const bool has_bias = options_.affine && options_.use_bias;
  if (options_.affine) {
    if (!weight.defined()) define_variable(weight, ones(shape, float_type(x)), "weight");
    if (!(weight.shape() == shape)) {
      call.fail_shape(x, fmt::format("it takes {} as its last axes", to_string(weight.shape())));
    }
    if (has_bias && !bias.defined()) define_variable(bias, zeros(shape, float_type(x)), "bias");
  }
  const Operands all =
      in_one_dtype(x, options_.affine ? &weight : nullptr, has_bias ? &bias : nullptr);
  return call.done(layer_norm({all.x, x.at()}, all.weight, all.bias,
                              {.axes = axes, .epsilon = options_.epsilon}));
}

GroupNorm::GroupNorm(GroupNormOptions options) : LayerBase("GroupNorm"), options_(options) {
  expect_epsilon("GroupNorm", options.epsilon);
  if (options.groups < 1) throw ValueError("GroupNorm: groups must be at least 1");
}

void GroupNorm::visit(ModuleVisitor& visitor) {
  if (!options_.affine) return;
  visitor.variable("weight", weight);
  visitor.variable("bias", bias);
}

Tensor GroupNorm::operator()(const Operand& x) {
  const LayerCall call(*this);
  expect_rank(call, x, 2);
  const Tensor input = x.tensor();
  const std::int64_t channels = input.size(1);
  if (channels % options_.groups != 0) {
    call.fail_shape(
        x, fmt::format("groups = {} does not divide {} channels", options_.groups, channels));
  }
  if (options_.affine) {
    if (!weight.defined()) define_variable(weight, ones({channels}, float_type(x)), "weight");
    if (!bias.defined()) define_variable(bias, zeros({channels}, float_type(x)), "bias");
    if (weight.shape()[0] != channels) {
      call.fail_shape(x, fmt::format("it takes {} channels, axis 1 of the input has {}",
                                     weight.shape()[0], channels));
    }
  }
  const Operands all =
      in_one_dtype(x, options_.affine ? &weight : nullptr, options_.affine ? &bias : nullptr);
  return call.done(group_norm({all.x, x.at()}, options_.groups, all.weight, all.bias,
                              {.epsilon = options_.epsilon}));
}

RMSNorm::RMSNorm(RMSNormOptions options) : LayerBase("RMSNorm"), options_(options) {
  expect_epsilon("RMSNorm", options.epsilon);
}

void RMSNorm::visit(ModuleVisitor& visitor) {
  if (options_.affine) visitor.variable("weight", weight);
}

Tensor RMSNorm::operator()(const Operand& x) {
  const LayerCall call(*this);
  expect_rank(call, x, 1);
  if (options_.affine) {
    const Shape shape{x.tensor().size(-1)};
    if (!weight.defined()) define_variable(weight, ones(shape, float_type(x)), "weight");
    if (!(weight.shape() == shape)) {
      call.fail_shape(x, fmt::format("it takes {} features, the last axis of the input has {}",
                                     weight.shape()[0], shape[0]));
    }
  }
  const Operands all = in_one_dtype(x, options_.affine ? &weight : nullptr, nullptr);
  return call.done(rms_norm({all.x, x.at()}, all.weight, {.epsilon = options_.epsilon}));
}

}  // namespace nacre::nn
