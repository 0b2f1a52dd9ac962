// Convolutions by oneDNN. Images in channels-first order are reordered to the library's blocked
// layout and back within the kernel: measured on 32x32x13x13 * 64x32x3x3 the reorders cost 5% of
// the product, the library's convolution of plain images 60% more than the blocked one.
#include <algorithm>
#include <cstring>
#include <optional>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/onednn/onednn.h"
#include "nacre/kernels/cpu/onednn/relu_after.h"
#include "nacre/ops/image/conv_geometry.h"

namespace nacre::cpu {
namespace {

using dnnl::memory;
using onednn::Program;

// The result of one of the three convolutions; the other two arrays are its factors.
enum class Result : std::uint8_t { y, x, weights };

// An image without what a window's negative padding cuts off its end.
Spec cropped(const Spec& spec, const Window& window, bool last) {
  const Image image(spec.shape, last);
  std::vector<std::int64_t> size;
  for (std::size_t i = static_cast<std::size_t>(3 - window.axes); i < 3; ++i) {
    size.push_back(image.size[i] + std::min<std::int64_t>(0, window.high[i]));
  }
  return {spec.dtype, image_shape(image.batch, image.channels, size, last)};
}

// The descriptors of one convolution; "any" where the library may choose. With {compute=bf16} the
// factors are rounded by the reorder that brings them into the library's layout.
struct Descriptors {
  Window window;
  bool last;
  std::int64_t groups;
  DType factor;  // what is multiplied
  bool crops;    // the library sees a part of x
  memory::desc x_any, w_any, y_any, bias;
  memory::desc x, w, y;
  memory::dims stride, dilation, low, high;

  Descriptors(const KernelQuery& q, const Spec& xs, const Spec& ws, const Spec& ys, Result result)
      : window(q.attrs, std::span(ws.shape.begin() + 2, ws.shape.end())),
        last(q.attrs.flag_or("channels_last", false)),
        groups(q.attrs.integer_or("groups", 1)),
        factor(q.attrs.has("compute") ? bf16 : xs.dtype) {
    const Spec part = cropped(xs, window, last);
    crops = !(part == xs);
    x_any = onednn::image_any({result == Result::x ? xs.dtype : factor, part.shape}, last);
    w_any =
        onednn::weights({result == Result::weights ? ws.dtype : factor, ws.shape}, groups, true);
    y_any = onednn::image_any({result == Result::y ? ys.dtype : factor, ys.shape}, last);
    bias = {{ws.shape[0]}, onednn::type_of(ws.dtype), memory::format_tag::x};
    x = onednn::image(xs, last);
    if (crops) {
      const memory::dims dims = onednn::image(part, last).dims();
      x = x.submemory_desc(dims, memory::dims(dims.size(), 0));
    }
    w = onednn::weights(ws, groups, false);
    y = onednn::image(ys, last);
    hint_x_ = onednn::image_any({factor, part.shape}, last);
    hint_w_ = onednn::weights({factor, ws.shape}, groups, true);
    for (std::size_t i = static_cast<std::size_t>(3 - window.axes); i < 3; ++i) {
      stride.push_back(window.stride[i]);
      dilation.push_back(window.dilation[i] - 1);
      low.push_back(window.low[i]);
      high.push_back(std::max<std::int64_t>(0, window.high[i]));
    }
  }

  // The forward convolution, which the library wants to see for the other two as well.
  std::optional<dnnl::convolution_forward::primitive_desc> forward(
      bool with_bias, const dnnl::primitive_attr& attr) const {
    using Forward = dnnl::convolution_forward;
    constexpr auto kind = dnnl::prop_kind::forward_training;
    constexpr auto algorithm = dnnl::algorithm::convolution_direct;
    const Forward::desc desc = with_bias ? Forward::desc(kind, algorithm, hint_x_, hint_w_, bias,
                                                         y_any, stride, dilation, low, high)
                                         : Forward::desc(kind, algorithm, hint_x_, hint_w_, y_any,
                                                         stride, dilation, low, high);
    Forward::primitive_desc pd(desc, attr, onednn::engine(), true);
    if (!pd) return std::nullopt;
    return pd;
  }

 private:
  memory::desc hint_x_, hint_w_;
};

template <class Pd>
std::optional<Pd> only_fast(std::optional<Pd> pd) {
  if (pd && (!*pd || !onednn::is_fast(pd->impl_info_str()))) return std::nullopt;
  return pd;
}

bool fits(const KernelQuery& q) {
  if (!onednn::has_type(q.inputs[0].dtype)) return false;
  for (const Spec& s : q.inputs) {
    if (s.elements() == 0 || !onednn::has_size(s.shape)) return false;
  }
  return q.outputs[0].elements() > 0 && onednn::has_size(q.outputs[0].shape);
}

bool has_relu(const KernelQuery& q) {
  return q.attrs.has("activation") && q.attrs.text("activation") == "relu";
}

PreparedKernel with_relu(PreparedKernel inner, const KernelQuery& q) {
  const std::size_t bytes = inner.scratch_bytes;
  return make_kernel(
      [inner = std::move(inner), relu = ReluAfter(q.outputs[0], q.threads),
       result = q.inputs.size()](void* const* pointers, const RunContext& context) {
        inner.run(inner.state.get(), pointers, context);
        relu(pointers[result]);
      },
      bytes);
}

auto forward_pd(const KernelQuery& q, const Descriptors& d) {
  return only_fast(d.forward(q.inputs.size() == 3, onednn::attributes()));
}

PreparedKernel prepare_forward(const KernelQuery& q) try {
  const onednn::Preparing preparing(q.threads);
  const Descriptors d(q, q.inputs[0], q.inputs[1], q.outputs[0], Result::y);
  const auto pd = *forward_pd(q, d);
  Program p(q.threads);
  const auto x = p.reordered(p.operand(0, d.x), pd.src_desc());
  const auto w = p.reordered(p.operand(1, d.w), pd.weights_desc());
  const bool biased = q.inputs.size() == 3;
  const auto out = p.operand(biased ? 3 : 2, d.y);
  const bool direct = pd.dst_desc() == d.y;
  const auto y = direct ? out : p.scratch(pd.dst_desc());
  const dnnl::convolution_forward conv(pd);
  if (biased) {
    p.add(conv,
          {{DNNL_ARG_SRC, x},
           {DNNL_ARG_WEIGHTS, w},
           {DNNL_ARG_BIAS, p.operand(2, d.bias)},
           {DNNL_ARG_DST, y}},
          pd.scratchpad_desc());
  } else {
    p.add(conv, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}},
          pd.scratchpad_desc());
  }
  if (!direct) p.reorder(y, out);
  PreparedKernel kernel = onednn::to_kernel(std::move(p));
  return has_relu(q) ? with_relu(std::move(kernel), q) : kernel;
} catch (const dnnl::error& error) {
  onednn::rethrow(error);
}

bool supports_forward(const KernelQuery& q) {
  if (!fits(q)) return false;
  const LibraryTeam team(q.threads);
  return forward_pd(q, Descriptors(q, q.inputs[0], q.inputs[1], q.outputs[0], Result::y))
      .has_value();
}

auto input_pd(const Descriptors& d) {
  using Backward = dnnl::convolution_backward_data;
  std::optional<Backward::primitive_desc> result;
  if (const auto hint = d.forward(false, {})) {
    const Backward::desc desc(dnnl::algorithm::convolution_direct, d.x_any, d.w_any, d.y_any,
                              d.stride, d.dilation, d.low, d.high);
    result.emplace(desc, onednn::attributes(), onednn::engine(), *hint, true);
  }
  return only_fast(std::move(result));
}

// The kernel, and zeros where the library does not write: the gradient of what is cropped.
PreparedKernel with_clean_rim(PreparedKernel inner, const KernelQuery& q, const Descriptors& d) {
  const Image image(q.outputs[0].shape, d.last);
  Axes3 kept = image.size;
  for (std::size_t i = 0; i < 3; ++i) kept[i] += std::min<std::int64_t>(0, d.window.high[i]);
  const std::size_t bytes = inner.scratch_bytes;
  const auto size = size_of(q.outputs[0].dtype);
  return make_kernel(
      [inner = std::move(inner), image, kept, size, last = d.last](void* const* pointers,
                                                                   const RunContext& context) {
        inner.run(inner.state.get(), pointers, context);
        // Channels that lie side by side are cleared together.
        const bool together = last;
        const std::int64_t planes = image.batch * (together ? 1 : image.channels);
        const std::size_t width = size * static_cast<std::size_t>(together ? image.channels : 1);
        for (std::int64_t plane = 0; plane < planes; ++plane) {
          char* start = static_cast<char*>(pointers[2]) +
                        static_cast<std::size_t>(together ? image.offset(plane, 0)
                                                          : image.offset(plane / image.channels,
                                                                         plane % image.channels)) *
                            size;
          for (std::int64_t a = 0; a < image.size[0]; ++a) {
            for (std::int64_t b = 0; b < image.size[1]; ++b) {
              const std::int64_t from = a < kept[0] && b < kept[1] ? kept[2] : 0;
              std::memset(
                  start + static_cast<std::size_t>(a * image.stride[0] + b * image.stride[1] +
                                                   from * image.stride[2]) *
                              size,
                  0, static_cast<std::size_t>(image.size[2] - from) * width);
            }
          }
        }
      },
      bytes);
}

PreparedKernel prepare_backward_input(const KernelQuery& q) try {
  const onednn::Preparing preparing(q.threads);
  const Descriptors d(q, q.outputs[0], q.inputs[1], q.inputs[0], Result::x);
  const auto pd = *input_pd(d);
  Program p(q.threads);
  const auto y = p.reordered(p.operand(0, d.y), pd.diff_dst_desc());
  const auto w = p.reordered(p.operand(1, d.w), pd.weights_desc());
  const auto out = p.operand(2, d.x);
  const bool direct = pd.diff_src_desc() == d.x;
  const auto x = direct ? out : p.scratch(pd.diff_src_desc());
  p.add(dnnl::convolution_backward_data(pd),
        {{DNNL_ARG_DIFF_DST, y}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_SRC, x}},
        pd.scratchpad_desc());
  if (!direct) p.reorder(x, out);
  PreparedKernel kernel = onednn::to_kernel(std::move(p));
  return d.crops ? with_clean_rim(std::move(kernel), q, d) : kernel;
} catch (const dnnl::error& error) {
  onednn::rethrow(error);
}

bool supports_backward_input(const KernelQuery& q) {
  if (!fits(q)) return false;
  const LibraryTeam team(q.threads);
  return input_pd(Descriptors(q, q.outputs[0], q.inputs[1], q.inputs[0], Result::x)).has_value();
}

auto weights_pd(const KernelQuery& q, const Descriptors& d) {
  using Backward = dnnl::convolution_backward_weights;
  std::optional<Backward::primitive_desc> result;
  const bool biased = q.outputs.size() == 2;
  if (const auto hint = d.forward(biased, {})) {
    constexpr auto algorithm = dnnl::algorithm::convolution_direct;
    const Backward::desc desc = biased
                                    ? Backward::desc(algorithm, d.x_any, d.w_any, d.bias, d.y_any,
                                                     d.stride, d.dilation, d.low, d.high)
                                    : Backward::desc(algorithm, d.x_any, d.w_any, d.y_any, d.stride,
                                                     d.dilation, d.low, d.high);
    result.emplace(desc, onednn::attributes(), onednn::engine(), *hint, true);
  }
  return only_fast(std::move(result));
}

PreparedKernel prepare_backward_weights(const KernelQuery& q) try {
  const onednn::Preparing preparing(q.threads);
  const Descriptors d(q, q.inputs[0], q.outputs[0], q.inputs[1], Result::weights);
  const auto pd = *weights_pd(q, d);
  Program p(q.threads);
  const auto x = p.reordered(p.operand(0, d.x), pd.src_desc());
  const auto y = p.reordered(p.operand(1, d.y), pd.diff_dst_desc());
  const auto out = p.operand(2, d.w);
  const bool direct = pd.diff_weights_desc() == d.w;
  const auto w = direct ? out : p.scratch(pd.diff_weights_desc());
  const dnnl::convolution_backward_weights conv(pd);
  if (q.outputs.size() == 2) {
    p.add(conv,
          {{DNNL_ARG_SRC, x},
           {DNNL_ARG_DIFF_DST, y},
           {DNNL_ARG_DIFF_WEIGHTS, w},
           {DNNL_ARG_DIFF_BIAS, p.operand(3, d.bias)}},
          pd.scratchpad_desc());
  } else {
    p.add(conv, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, y}, {DNNL_ARG_DIFF_WEIGHTS, w}},
          pd.scratchpad_desc());
  }
  if (!direct) p.reorder(w, out);
  return onednn::to_kernel(std::move(p));
} catch (const dnnl::error& error) {
  onednn::rethrow(error);
}

bool supports_backward_weights(const KernelQuery& q) {
  if (!fits(q)) return false;
  const LibraryTeam team(q.threads);
  return weights_pd(q, Descriptors(q, q.inputs[0], q.outputs[0], q.inputs[1], Result::weights))
      .has_value();
}

constexpr KernelRow kRows[] = {
    {Op::conv, "onednn", supports_forward, prepare_forward},
    {Op::conv_backward_input, "onednn", supports_backward_input, prepare_backward_input},
    {Op::conv_backward_weights, "onednn", supports_backward_weights, prepare_backward_weights},
};

}  // namespace

std::span<const KernelRow> onednn_conv_kernels() { return kRows; }

}  // namespace nacre::cpu
