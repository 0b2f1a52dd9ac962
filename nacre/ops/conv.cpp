#include "nacre/ops/conv.h"

#include "nacre/ops/elementwise.h"
#include "nacre/ops/movement.h"

namespace nacre {
namespace {

Attrs conv_attrs(const ConvOptions& o, const Shape& x, const Shape& weights) {
  const auto size = spatial_of(x, o.channels_last);
  const int axes = static_cast<int>(size.size());
  const auto stride = o.stride.expand(axes);
  const auto dilation = o.dilation.expand(axes);
  return {{"stride", stride},
          {"padding", o.padding.resolve(size, kernel_of(weights), stride, dilation)},
          {"dilation", dilation},
          {"groups", o.groups},
          {"channels_last", o.channels_last}};
}

Tensor with_bias(const Tensor& y, const Operand& bias, bool channels_last) {
  const Tensor b = bias.tensor();
  if (channels_last) return add({y, bias.at()}, {b, bias.at()});
  std::vector<std::int64_t> dims(static_cast<std::size_t>(y.rank() - 1), 1);
  dims[0] = b.elements();
  return add({y, bias.at()}, reshape({b, bias.at()}, dims));
}

}  // namespace

Tensor conv(const Operand& x, const Operand& weights, const ConvOptions& options) {
  const Tensor a = x.tensor();
  const Tensor w = weights.tensor();
  return emit_one(Op::conv, conv_attrs(options, a.shape(), w.shape()), {a, w}, x.at());
}

Tensor conv(const Operand& x, const Operand& weights, const Operand& bias,
            const ConvOptions& options) {
  const Tensor a = x.tensor();
  const Tensor w = weights.tensor();
  return emit_one(Op::conv, conv_attrs(options, a.shape(), w.shape()), {a, w, bias.tensor()},
                  x.at());
}

Tensor conv_transpose(const Operand& x, const Operand& weights,
                      const ConvTransposeOptions& options) {
  const Tensor a = x.tensor();
  const Tensor w = weights.tensor();
  const auto size = spatial_of(a.shape(), options.channels_last);
  const int axes = static_cast<int>(size.size());
  const auto kernel = kernel_of(w.shape());
  const auto stride = options.stride.expand(axes);
  const auto dilation = options.dilation.expand(axes);
  const auto extra = options.output_padding.expand(axes);
  std::vector<std::int64_t> result(size.size());
  for (std::size_t i = 0; i < size.size() && i < stride.size(); ++i)
    result[i] = size[i] * stride[i];
  const bool same = options.padding.kind() == Padding::Kind::same;
  const auto padding = options.padding.resolve(same ? result : size, kernel, stride, dilation);
  // Lists of a wrong length are refused by the op's check.
  const bool fits = kernel.size() == size.size() && stride.size() == size.size() &&
                    dilation.size() == size.size() && padding.size() == 2 * size.size() &&
                    extra.size() == size.size();
  for (std::size_t i = 0; fits && !same && i < size.size(); ++i) {
    result[i] = (size[i] - 1) * stride[i] - padding[2 * i] - padding[2 * i + 1] +
                dilation[i] * (kernel[i] - 1) + 1 + extra[i];
  }
  return emit_one(Op::conv_backward_input,
                  {{"stride", stride},
                   {"padding", padding},
                   {"dilation", dilation},
                   {"groups", options.groups},
                   {"channels_last", options.channels_last},
                   {"size", result}},
                  {a, w}, x.at());
}

Tensor conv_transpose(const Operand& x, const Operand& weights, const Operand& bias,
                      const ConvTransposeOptions& options) {
  return with_bias(conv_transpose(x, weights, options), bias, options.channels_last);
}

}  // namespace nacre
