// All norms are made of the op normalize.
#include "nacre/ops/network/normalization.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

using Ints = std::vector<std::int64_t>;

TensorList normalize(const Operand& x, const Tensor& weight, const Tensor& bias, const Ints& axes,
                     double epsilon, bool center) {
  Tensors inputs = {x.tensor()};
  if (weight.defined()) inputs.push_back(weight);
  if (weight.defined() && bias.defined()) inputs.push_back(bias);
  TensorList out = emit(Op::normalize, {{"axes", axes}, {"epsilon", epsilon}, {"center", center}},
                        inputs, x.at());
  if (!weight.defined() && bias.defined()) out[0] = add({out[0], x.at()}, {bias, x.at()});
  return out;
}

// A [channels] vector as it broadcasts against images of `rank`.
Tensor per_channel(const Operand& v, int rank, bool channels_last) {
  const Tensor t = v.tensor();
  if (!t.defined() || channels_last || t.rank() != 1) return t;
  std::vector<std::int64_t> dims(static_cast<std::size_t>(std::max(1, rank - 1)), 1);
  dims[0] = t.elements();
  return reshape({t, v.at()}, dims);
}

// Checks of batch, group and instance norm, whose op sees reshaped operands only.
void check_channels(std::string_view op, const Operand& x, const Operand& weight,
                    const Operand& bias, const NormOptions& options) {
  const Tensor t = x.tensor();
  const auto fail = [&](const std::string& what, std::string_view hint) {
    throw ShapeError(format_error({.op = op,
                                   .what = what,
                                   .inputs = "input " + to_string(t.spec()),
                                   .location = x.at(),
                                   .hint = hint}));
  };
  if (t.rank() < 2) {
    fail(fmt::format("rank 2 or more expected (batch, channels, ...), {} given", t.rank()),
         "a single sample needs a batch axis: expand_dims(x, {0})");
  }
  const std::int64_t channels = t.size(options.channels_last ? -1 : 1);
  for (const Operand* v : {&weight, &bias}) {
    const Tensor p = v->tensor();
    if (p.defined() && !(p.shape() == Shape{channels})) {
      fail(fmt::format("weight and bias of shape [{}] expected, {} given", channels,
                       to_string(p.shape())),
           "they have one value a channel");
    }
  }
}

}  // namespace

Tensor layer_norm(const Operand& x, const Operand& weight, const Operand& bias,
                  const LayerNormOptions& options) {
  const Ints axes(options.axes.begin(), options.axes.end());
  return normalize(x, weight.tensor(), bias.tensor(), axes, options.epsilon, true)[0];
}

Tensor rms_norm(const Operand& x, const Operand& weight, const LayerNormOptions& options) {
  const Ints axes(options.axes.begin(), options.axes.end());
  return normalize(x, weight.tensor(), Tensor(), axes, options.epsilon, false)[0];
}

BatchNormResult batch_norm(const Operand& x, const Operand& weight, const Operand& bias,
                           const NormOptions& options) {
  check_channels("batch_norm", x, weight, bias, options);
  const int rank = x.tensor().rank();
  Ints axes;
  for (int i = 0; i < rank; ++i) {
    if (i != (options.channels_last ? rank - 1 : 1)) axes.push_back(i);
  }
  const TensorList out =
      normalize(x, per_channel(weight, rank, options.channels_last),
                per_channel(bias, rank, options.channels_last), axes, options.epsilon, true);
  const std::vector<std::int64_t> flat = {-1};
  return {out[0], reshape({out[1], x.at()}, flat), reshape({out[2], x.at()}, flat)};
}

Tensor batch_norm_inference(const Operand& x, const Operand& mean, const Operand& variance,
                            const Operand& weight, const Operand& bias,
                            const NormOptions& options) {
  check_channels("batch_norm_inference", x, weight, bias, options);
  check_channels("batch_norm_inference", x, mean, variance, options);
  const Tensor t = x.tensor();
  const auto shaped = [&](const Tensor& v) {
    return per_channel({v, x.at()}, t.rank(), options.channels_last);
  };
  // One multiplication and one addition an element.
  Tensor scale = rsqrt(add({variance.tensor(), x.at()}, options.epsilon));
  if (weight.tensor().defined()) scale = mul({scale, x.at()}, weight);
  Tensor shift = neg(mul(mean, {scale, x.at()}));
  if (bias.tensor().defined()) shift = add({shift, x.at()}, bias);
  const Tensor y = add({mul(x, shaped(scale)), x.at()}, shaped(shift));
  return cast({y, x.at()}, t.dtype());
}

Tensor group_norm(const Operand& x, std::int64_t groups, const Operand& weight, const Operand& bias,
                  const NormOptions& options) {
  check_channels("group_norm", x, weight, bias, options);
  const Tensor t = x.tensor();
  const int rank = t.rank();
  const bool last = options.channels_last;
  const std::int64_t channels = t.size(last ? -1 : 1);
  if (groups < 1 || channels % groups != 0) {
    throw ValueError(format_error(
        {.op = "group_norm",
         .what = fmt::format("{} channels do not divide into {} groups", channels, groups),
         .inputs = "input " + to_string(t.spec()),
         .location = x.at()}));
  }
  Shape split;
  Ints axes;
  for (int i = 0; i < rank; ++i) {
    const bool channel = i == (last ? rank - 1 : 1);
    if (channel) split.push_back(groups);
    if (i > 0) axes.push_back(split.rank());
    split.push_back(channel ? channels / groups : t.shape()[i]);
  }
  const Tensor grouped = reshape({t, x.at()}, split);
  Tensor y = normalize({grouped, x.at()}, {}, {}, axes, options.epsilon, true)[0];
  y = reshape({y, x.at()}, t.shape());
  if (weight.tensor().defined()) y = mul({y, x.at()}, per_channel(weight, rank, last));
  if (bias.tensor().defined()) y = add({y, x.at()}, per_channel(bias, rank, last));
  return y;
}

Tensor instance_norm(const Operand& x, const Operand& weight, const Operand& bias,
                     const NormOptions& options) {
  check_channels("instance_norm", x, weight, bias, options);
  const int rank = x.tensor().rank();
  if (rank < 3) {
    throw ShapeError(format_error(
        {.op = "instance_norm",
         .what = "there is no spatial axis to normalize over",
         .inputs = "input " + to_string(x.tensor().spec()),
         .location = x.at(),
         .hint = "images are [batch, channels, spatial...]; layer_norm takes flat features"}));
  }
  const bool last = options.channels_last;
  Ints axes;
  for (int i = last ? 1 : 2; i < rank - (last ? 1 : 0); ++i) axes.push_back(i);
  return normalize(x, per_channel(weight, rank, last), per_channel(bias, rank, last), axes,
                   options.epsilon, true)[0];
}

}  // namespace nacre
