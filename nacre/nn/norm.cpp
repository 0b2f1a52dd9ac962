#include "nacre/nn/norm.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"
#include "nacre/run/tape.h"

namespace nacre::nn {
namespace {

DType float_type(const Operand& x) { return is_floating(x.dtype()) ? x.dtype() : f32; }

// A vector over axis 1 of a tensor of rank `rank`.
Tensor along_channels(const Tensor& v, int rank) {
  Shape shape{1, v.size(0)};
  while (shape.rank() < rank) shape.push_back(1);
  return reshape(v, shape);
}

struct Moments {
  Tensor mean;
  Tensor variance;  // biased
  Tensor centred;   // x - mean
};
Moments moments(const Operand& x, const std::vector<int>& axes) {
  Moments m;
  m.mean = mean(x, axes, true);
  m.centred = sub(x, m.mean);
  m.variance = mean(square(m.centred), axes, true);
  return m;
}

std::vector<int> all_but_channels(int rank) {
  std::vector<int> axes;
  for (int i = 0; i < rank; ++i) {
    if (i != 1) axes.push_back(i);
  }
  return axes;
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
  if (options_.channels > 0) {
    const LayerCall call(*this);
    build(options_.channels, f32);
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
    if (!v.defined()) v = make_variable(full({channels}, value, dtype), name, trainable);
    v.set_trainable(trainable && v.trainable());
  };
  if (options_.affine) {
    make(weight, 1, "weight", true);
    make(bias, 0, "bias", true);
  }
  make(running_mean, 0, "running_mean", false);
  make(running_var, 1, "running_var", false);
  if (!num_batches_tracked.defined()) {
    num_batches_tracked = make_variable(zeros({}, i64), "num_batches_tracked", false);
  }
  num_batches_tracked.set_trainable(false);
}

Tensor BatchNorm::operator()(const Operand& x) {
  const LayerCall call(*this);
  expect_rank(call, x, 2);
  const Tensor input = x.tensor();
  const int rank = input.rank();
  build(input.size(1), float_type(x));
  if (running_mean.shape()[0] != input.size(1)) {
    call.fail_shape(x, fmt::format("it takes {} channels, axis 1 of the input has {}",
                                   running_mean.shape()[0], input.size(1)));
  }
  const bool frozen = options_.affine && !weight.trainable() && !bias.trainable();
  Tensor centred;
  Tensor scale;
  if (training() && !frozen) {
    const Moments m = moments(x, all_but_channels(rank));
    centred = m.centred;
    scale = rsqrt(m.variance + options_.epsilon);
    const TapePause pause;
    const double n =
        static_cast<double>(input.elements() / std::max<std::int64_t>(1, input.size(1)));
    const double unbiased = n > 1 ? n / (n - 1) : 1;
    const auto follow = [&](Variable& running, const Tensor& now) {
      running.assign(options_.momentum * running +
                     (1 - options_.momentum) * reshape(stop_gradient(now), running.shape()));
    };
    follow(running_mean, m.mean);
    follow(running_var, m.variance * unbiased);
    num_batches_tracked.assign(num_batches_tracked + 1);
  } else {
    centred = sub(x, along_channels(running_mean, rank));
    scale = rsqrt(along_channels(running_var, rank) + options_.epsilon);
  }
  if (!options_.affine) return call.done(centred * scale);
  return call.done(centred * (scale * along_channels(weight, rank)) + along_channels(bias, rank));
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
  const Moments m = moments(x, axes);
  Tensor y = m.centred * rsqrt(m.variance + options_.epsilon);
  if (options_.affine) {
    if (!weight.defined()) weight = make_variable(ones(shape, float_type(x)), "weight");
    if (!(weight.shape() == shape)) {
      call.fail_shape(x, fmt::format("it takes {} as its last axes", to_string(weight.shape())));
    }
    y = y * weight;
    if (options_.use_bias) {
      if (!bias.defined()) bias = make_variable(zeros(shape, float_type(x)), "bias");
      y = y + bias;
    }
  }
  return call.done(y);
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
  const std::int64_t batch = input.size(0);
  const std::int64_t rest = batch > 0 ? input.elements() / (batch * options_.groups) : 0;
  const Tensor grouped = reshape(x, Shape{batch, options_.groups, rest});
  const Moments m = moments(Operand(grouped, x.at()), {-1});
  Tensor y = reshape(m.centred * rsqrt(m.variance + options_.epsilon), input.shape());
  if (options_.affine) {
    if (!weight.defined()) weight = make_variable(ones({channels}, float_type(x)), "weight");
    if (!bias.defined()) bias = make_variable(zeros({channels}, float_type(x)), "bias");
    if (weight.shape()[0] != channels) {
      call.fail_shape(x, fmt::format("it takes {} channels, axis 1 of the input has {}",
                                     weight.shape()[0], channels));
    }
    y = y * along_channels(weight, input.rank()) + along_channels(bias, input.rank());
  }
  return call.done(y);
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
  const Tensor y = mul(x, rsqrt(mean(square(x), {-1}, true) + options_.epsilon));
  if (!options_.affine) return call.done(y);
  const Shape shape{x.tensor().size(-1)};
  if (!weight.defined()) weight = make_variable(ones(shape, float_type(x)), "weight");
  if (!(weight.shape() == shape)) {
    call.fail_shape(x, fmt::format("it takes {} features, the last axis of the input has {}",
                                   weight.shape()[0], shape[0]));
  }
  return call.done(y * weight);
}

}  // namespace nacre::nn
