#include "nacre/ops/image/conv_geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/pad.h"

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

namespace {

// Refuses what is no output padding.
void check_output_padding(std::span<const std::int64_t> extra, std::span<const std::int64_t> stride,
                          std::span<const std::int64_t> dilation, bool same, const Tensor& x,
                          const Location& at) {
  const auto fail = [&](const std::string& what, std::string_view hint) {
    throw ValueError(format_error({.op = "conv_transpose",
                                   .what = what,
                                   .inputs = "input " + to_string(x.spec()),
                                   .layer = layer_path(),
                                   .location = at,
                                   .hint = hint}));
  };
  for (std::size_t i = 0; i < extra.size(); ++i) {
    if (same && extra[i] != 0) {
      fail("kSame leaves no output padding to choose",
           "it gives size * stride; leave one of them out");
    }
    const std::int64_t limit =
        std::max(i < stride.size() ? stride[i] : 1, i < dilation.size() ? dilation[i] : 1);
    if (extra[i] < 0 || extra[i] >= limit) {
      fail(fmt::format("output padding {} on spatial axis {} is not from 0 to {}", extra[i], i,
                       limit - 1),
           "it is below the larger one of stride and dilation");
    }
  }
}

}  // namespace

Tensor conv_transpose(const Operand& x, const Operand& weights,
                      const ConvTransposeOptions& options) {
  const Tensor a = x.tensor();
  const Tensor w = weights.tensor();
  const auto size = spatial_of(a.shape(), options.channels_last);
  const int axes = static_cast<int>(size.size());
  const auto kernel = kernel_of(w.shape());
  const auto stride = options.stride.expand(axes);
  const auto dilation = options.dilation.expand(axes);
  auto extra = options.output_padding.expand(axes);
  std::vector<std::int64_t> result(size.size());
  for (std::size_t i = 0; i < size.size() && i < stride.size(); ++i) {
    result[i] =
        size[i] * std::min<std::int64_t>(stride[i], std::numeric_limits<std::int32_t>::max());
  }
  const bool same = options.padding.kind() == Padding::Kind::same;
  auto padding = options.padding.resolve(same ? result : size, kernel, stride, dilation);
  check_output_padding(extra, stride, dilation, same, a, x.at());
  // Lists of a wrong length and numbers out of range are refused by the op's check.
  const auto small = [](std::span<const std::int64_t> list) {
    return std::all_of(list.begin(), list.end(), [](std::int64_t n) {
      return n >= 0 && n <= std::numeric_limits<std::int32_t>::max();
    });
  };
  const bool fits = kernel.size() == size.size() && stride.size() == size.size() &&
                    dilation.size() == size.size() && padding.size() == 2 * size.size() &&
                    extra.size() == size.size() && small(kernel) && small(stride) &&
                    small(dilation) && small(padding);
  // From one stride on it is more than what a convolution leaves unseen: less is cut off the end,
  // and what that does not give are zeros.
  std::vector<std::pair<std::int64_t, std::int64_t>> zeros(static_cast<std::size_t>(a.rank()));
  bool beyond = false;
  for (std::size_t i = 0; fits && !same && i < size.size(); ++i) {
    if (extra[i] >= stride[i]) {
      const std::int64_t uncut = std::min(extra[i], std::max<std::int64_t>(0, padding[2 * i + 1]));
      padding[2 * i + 1] -= uncut;
      zeros[i + (options.channels_last ? 1 : 2)].second = extra[i] - uncut;
      beyond = beyond || extra[i] > uncut;
      extra[i] = 0;
    }
    result[i] = (size[i] - 1) * stride[i] - padding[2 * i] - padding[2 * i + 1] +
                dilation[i] * (kernel[i] - 1) + 1 + extra[i];
  }
  const Tensor y = emit_one(Op::conv_backward_input,
                            {{"stride", stride},
                             {"padding", padding},
                             {"dilation", dilation},
                             {"groups", options.groups},
                             {"channels_last", options.channels_last},
                             {"size", result}},
                            {a, w}, x.at());
  return beyond ? pad({y, x.at()}, zeros) : y;
}

Tensor conv_transpose(const Operand& x, const Operand& weights, const Operand& bias,
                      const ConvTransposeOptions& options) {
  return with_bias(conv_transpose(x, weights, options), bias, options.channels_last);
}

}  // namespace nacre
