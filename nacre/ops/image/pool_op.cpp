// max_pool, avg_pool {kernel, stride, padding, dilation, ceil_mode, count_include_pad,
// channels_last}, or {output, channels_last} for the adaptive kind; and what their gradients need.
// The backward ops and the gather take the same attributes; those of max_pool take {relu} too, from
// the pass that merges the gradient of a relu before the pool: maxima that are not positive count
// as cut off.
#include "nacre/ops/image/pool_geometry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {
namespace {

bool is_channels_last(const Attrs& attrs) { return attrs.flag_or("channels_last", false); }

// The windows along one axis of `size` elements; axis i of three of `window`.
std::vector<PoolSpan> sliding_spans(const Window& window, int axis, std::int64_t size,
                                    bool ceil_mode, bool include_padding) {
  const auto i = static_cast<std::size_t>(axis);
  const std::int64_t room = size + window.low[i] + window.high[i] - window.extent(axis);
  if (room < 0) return {};
  std::int64_t places = room / window.stride[i] + 1;
  // A window that ceil mode adds must start within the input or the padding before it.
  if (ceil_mode && room % window.stride[i] != 0 &&
      places * window.stride[i] < size + window.low[i]) {
    ++places;
  }
  std::vector<PoolSpan> spans;
  const std::int64_t d = window.dilation[i];
  for (std::int64_t p = 0; p < places; ++p) {
    const std::int64_t start = p * window.stride[i] - window.low[i];
    const std::int64_t stop = start + window.extent(axis);
    const std::int64_t begin = start < 0 ? start + (-start + d - 1) / d * d : start;
    const std::int64_t end = std::min(stop, size);
    const std::int64_t counted =
        include_padding ? std::min(stop, size + window.high[i]) - start : end - begin;
    spans.push_back({begin, end, counted});
  }
  return spans;
}

std::vector<PoolSpan> adaptive_spans(std::int64_t size, std::int64_t outputs) {
  std::vector<PoolSpan> spans;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const std::int64_t begin = i * size / outputs;
    const std::int64_t end = ((i + 1) * size + outputs - 1) / outputs;
    spans.push_back({begin, end, end - begin});
  }
  return spans;
}

// The windows along spatial axis i of the `axes` there are.
std::vector<PoolSpan> spans_of(const Attrs& attrs, int axes, int i, std::int64_t size) {
  if (attrs.has("output")) {
    return adaptive_spans(size, attrs.integers("output")[static_cast<std::size_t>(i)]);
  }
  const Window window(attrs, attrs.integers("kernel"));
  return sliding_spans(window, 3 - axes + i, size, attrs.flag_or("ceil_mode", false),
                       attrs.flag_or("count_include_pad", false));
}

}  // namespace

PoolGeometry::PoolGeometry(const Attrs& attrs, const Shape& x, const Shape& y)
    : input(x, is_channels_last(attrs)), output(y, is_channels_last(attrs)) {
  const int axes = x.rank() - 2;
  if (attrs.has("kernel")) dilation = Window(attrs, attrs.integers("kernel")).dilation;
  for (int i = 0; i < 3; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const int real = i - (3 - axes);
    spans[k] =
        real < 0 ? std::vector<PoolSpan>{{0, 1, 1}} : spans_of(attrs, axes, real, input.size[k]);
  }
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;
using Ints = std::vector<std::int64_t>;

// The output's shape for an input of shape x; all checks of the attributes.
Shape pooled(const InferContext& c, const Shape& x) {
  const int axes = x.rank() - 2;
  const bool last = is_channels_last(c.attrs);
  if (c.attrs.has("output")) {
    const auto& output = c.attrs.integers("output");
    if (static_cast<int>(output.size()) != axes) {
      c.fail_value(fmt::format("{} output sizes given for {} spatial {}", output.size(), axes,
                               axes == 1 ? "axis" : "axes"));
    }
    for (const std::int64_t n : output) {
      if (n < 1) c.fail_value(fmt::format("output sizes must be at least 1, not {}", n));
    }
  } else {
    check_window(c, axes, c.attrs.integers("kernel"));
  }
  const Ints size = spatial_of(x, last);
  Ints out;
  for (int i = 0; i < axes; ++i) {
    const std::int64_t n = size[static_cast<std::size_t>(i)];
    const auto spans = spans_of(c.attrs, axes, i, n);
    if (spans.empty() || n == 0) {
      c.fail_shape(fmt::format("the window does not fit spatial axis {} of size {}", i, n),
                   "use a smaller kernel or dilation, or padding = kSame");
    }
    for (const PoolSpan& s : spans) {
      if (s.begin >= s.end) {
        c.fail_value(fmt::format("a window on spatial axis {} lies wholly in the padding", i),
                     "padding must be smaller than the window");
      }
    }
    out.push_back(static_cast<std::int64_t>(spans.size()));
  }
  const Image image(x, last);
  return image_shape(image.batch, image.channels, out, last);
}

void expect_numbers(const InferContext& c, std::size_t i) {
  if (c.inputs[i].dtype == boolean) {
    c.fail_dtype("numbers expected, bool given", "convert it with x.to(nacre::f32)");
  }
}

SpecList infer_max(const InferContext& c) {
  c.expect_inputs(1);
  expect_numbers(c, 0);
  check_image(c, 0);
  return {{c.inputs[0].dtype, pooled(c, c.inputs[0].shape)}};
}

SpecList infer_avg(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  check_image(c, 0);
  if (c.attrs.has("dilation")) {
    for (const std::int64_t d : c.attrs.integers("dilation")) {
      if (d != 1)
        c.fail_value(fmt::format("dilation must be 1, not {}", d), "only max_pool has it");
    }
  }
  return {{c.inputs[0].dtype, pooled(c, c.inputs[0].shape)}};
}

void expect_shape(const InferContext& c, std::size_t i, const Shape& shape) {
  if (!(c.inputs[i].shape == shape)) {
    c.fail_shape(fmt::format("input {} of shape {} expected, {} given", i, to_string(shape),
                             to_string(c.inputs[i].shape)));
  }
}

SpecList infer_max_backward(const InferContext& c) {
  c.expect_inputs(2);
  expect_numbers(c, 0);
  check_image(c, 0);
  expect_shape(c, 1, pooled(c, c.inputs[0].shape));
  return {{c.inputs[1].dtype, c.inputs[0].shape}};
}

SpecList infer_max_gather(const InferContext& c) {
  c.expect_inputs(2);
  expect_numbers(c, 0);
  check_image(c, 0);
  expect_shape(c, 1, c.inputs[0].shape);
  return {{c.inputs[1].dtype, pooled(c, c.inputs[0].shape)}};
}

SpecList infer_avg_backward(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  const int axes = check_image(c, 0);
  const auto& size = c.attrs.integers("size");
  if (static_cast<int>(size.size()) != axes) {
    c.fail_value(fmt::format("{} sizes given for {} spatial axes", size.size(), axes));
  }
  const bool last = is_channels_last(c.attrs);
  const Image image(c.inputs[0].shape, last);
  const Shape x = image_shape(image.batch, image.channels, size, last);
  expect_shape(c, 0, pooled(c, x));
  return {{c.inputs[0].dtype, x}};
}

// Calls f(output element, divisor, visit) for each window; visit(g) calls g(input element).
template <class F>
void for_each_window(const PoolGeometry& p, F&& f) {
  for (std::int64_t b = 0; b < p.input.batch; ++b) {
    for (std::int64_t ch = 0; ch < p.input.channels; ++ch) {
      std::size_t at[3];
      for (at[0] = 0; at[0] < p.spans[0].size(); ++at[0]) {
        for (at[1] = 0; at[1] < p.spans[1].size(); ++at[1]) {
          for (at[2] = 0; at[2] < p.spans[2].size(); ++at[2]) {
            std::int64_t y = p.output.offset(b, ch);
            double divisor = 1;
            for (std::size_t i = 0; i < 3; ++i) {
              y += static_cast<std::int64_t>(at[i]) * p.output.stride[i];
              divisor *= static_cast<double>(p.spans[i][at[i]].divisor);
            }
            const auto visit = [&](auto&& g) {
              const PoolSpan& s0 = p.spans[0][at[0]];
              const PoolSpan& s1 = p.spans[1][at[1]];
              const PoolSpan& s2 = p.spans[2][at[2]];
              for (std::int64_t i = s0.begin; i < s0.end; i += p.dilation[0]) {
                for (std::int64_t j = s1.begin; j < s1.end; j += p.dilation[1]) {
                  for (std::int64_t k = s2.begin; k < s2.end; k += p.dilation[2]) {
                    g(static_cast<std::size_t>(p.input.offset(b, ch) + i * p.input.stride[0] +
                                               j * p.input.stride[1] + k * p.input.stride[2]));
                  }
                }
              }
            };
            f(static_cast<std::size_t>(y), divisor, visit);
          }
        }
      }
    }
  }
}

std::vector<double> zeros_for(const Shape& s) {
  return std::vector<double>(static_cast<std::size_t>(s.elements()));
}

bool cuts_off(const Attrs& attrs, double top) { return attrs.flag_or("relu", false) && !(top > 0); }

// Calls f(output element, input element of its maximum).
template <class F>
void for_each_maximum(const ReferenceContext& c, const Shape& y, F&& f) {
  const std::vector<double> x = c.load(0);
  const PoolGeometry p(c.attrs, c.in_shape(0), y);
  for_each_window(p, [&](std::size_t o, double, const auto& visit) {
    std::size_t best = 0;
    bool started = false;
    visit([&](std::size_t i) {
      if (!started || x[i] > x[best] || (std::isnan(x[i]) && !std::isnan(x[best]))) best = i;
      started = true;
    });
    f(o, best);
  });
}

void reference_max(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  std::vector<double> y = zeros_for(c.out_shape());
  for_each_maximum(c, c.out_shape(), [&](std::size_t o, std::size_t i) { y[o] = x[i]; });
  c.store(0, y);
}

void reference_max_backward(const ReferenceContext& c) {
  const std::vector<double> ct = c.load(1);
  std::vector<double> dx = zeros_for(c.out_shape());
  const std::vector<double> x = c.load(0);
  for_each_maximum(c, c.in_shape(1), [&](std::size_t o, std::size_t i) {
    if (!cuts_off(c.attrs, x[i])) dx[i] += ct[o];
  });
  c.store(0, dx);
}

void reference_max_gather(const ReferenceContext& c) {
  const std::vector<double> v = c.load(1);
  std::vector<double> y = zeros_for(c.out_shape());
  const std::vector<double> x = c.load(0);
  for_each_maximum(c, c.out_shape(), [&](std::size_t o, std::size_t i) {
    y[o] = cuts_off(c.attrs, x[i]) ? 0 : v[i];
  });
  c.store(0, y);
}

void reference_avg(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  std::vector<double> y = zeros_for(c.out_shape());
  for_each_window(PoolGeometry(c.attrs, c.in_shape(0), c.out_shape()),
                  [&](std::size_t o, double divisor, const auto& visit) {
                    visit([&](std::size_t i) { y[o] += x[i]; });
                    y[o] /= divisor;
                  });
  c.store(0, y);
}

void reference_avg_backward(const ReferenceContext& c) {
  const std::vector<double> ct = c.load(0);
  std::vector<double> dx = zeros_for(c.out_shape());
  for_each_window(PoolGeometry(c.attrs, c.out_shape(), c.in_shape(0)),
                  [&](std::size_t o, double divisor, const auto& visit) {
                    visit([&](std::size_t i) { dx[i] += ct[o] / divisor; });
                  });
  c.store(0, dx);
}

struct Case {
  DType dtype;
  Shape x;
  Attrs attrs;
  Shape y;
};

Attrs window_attrs(Ints kernel, Ints stride, Ints padding, Ints dilation, bool ceil_mode = false,
                   bool include = false, bool last = false) {
  return {{"kernel", kernel},     {"stride", stride},       {"padding", padding},
          {"dilation", dilation}, {"ceil_mode", ceil_mode}, {"count_include_pad", include},
          {"channels_last", last}};
}

std::vector<Case> cases(bool average) {
  std::vector<Case> list = {
      {f32, {2, 3, 6, 8}, window_attrs({2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}), {2, 3, 3, 4}},
      {f32, {1, 2, 13, 37}, window_attrs({2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}), {1, 2, 6, 18}},
      {f32, {2, 2, 7, 9}, window_attrs({3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}), {2, 2, 4, 5}},
      {f32,
       {1, 2, 7, 6},
       window_attrs({3, 2}, {2, 3}, {1, 0, 0, 1}, {1, 1}, true, true),
       {1, 2, 4, 2}},
      {f32, {2, 3, 11}, window_attrs({4}, {3}, {1, 2}, {1}), {2, 3, 4}},
      {f32,
       {1, 2, 4, 5, 3},
       window_attrs({2, 3, 2}, {2, 1, 1}, {0, 0, 1, 1, 0, 0}, {1, 1, 1}),
       {1, 2, 2, 5, 2}},
      {f64, {2, 2, 5, 4}, window_attrs({3, 2}, {1, 2}, {0, 1, 0, 0}, {1, 1}), {2, 2, 4, 2}},
      {f32,
       {2, 5, 6, 3},
       window_attrs({2, 3}, {2, 2}, {0, 1, 1, 1}, {1, 1}, false, true, true),
       {2, 3, 3, 3}},
      {f32, {2, 2, 7, 5}, {{"output", Ints{3, 2}}, {"channels_last", false}}, {2, 2, 3, 2}},
  };
  if (!average) {
    list.push_back(
        {f32, {1, 2, 9, 8}, window_attrs({3, 2}, {2, 1}, {1, 1, 0, 0}, {2, 3}), {1, 2, 4, 5}});
  }
  return list;
}

SampleInput distinct(const Case& k) { return {{k.dtype, k.x}, -2, 2, Fill::distinct}; }

std::vector<Sample> samples_max() {
  std::vector<Sample> list;
  for (const Case& k : cases(false)) list.push_back({.inputs = {distinct(k)}, .attrs = k.attrs});
  return list;
}
std::vector<Sample> samples_max_backward() {
  std::vector<Sample> list;
  for (const Case& k : cases(false)) {
    list.push_back({.inputs = {distinct(k), {{k.dtype, k.y}}}, .attrs = k.attrs});
    list.push_back(
        {.inputs = {distinct(k), {{k.dtype, k.y}}}, .attrs = k.attrs.with("relu", true)});
  }
  return list;
}
std::vector<Sample> samples_max_gather() {
  std::vector<Sample> list;
  for (const Case& k : cases(false)) {
    list.push_back({.inputs = {distinct(k), {{k.dtype, k.x}}}, .attrs = k.attrs});
    list.push_back(
        {.inputs = {distinct(k), {{k.dtype, k.x}}}, .attrs = k.attrs.with("relu", true)});
  }
  return list;
}
std::vector<Sample> samples_avg() {
  std::vector<Sample> list;
  for (const Case& k : cases(true))
    list.push_back({.inputs = {{{k.dtype, k.x}}}, .attrs = k.attrs});
  return list;
}
std::vector<Sample> samples_avg_backward() {
  std::vector<Sample> list;
  for (const Case& k : cases(true)) {
    list.push_back({.inputs = {{{k.dtype, k.y}}},
                    .attrs = k.attrs.with("size", spatial_of(k.x, is_channels_last(k.attrs)))});
  }
  return list;
}

}  // namespace

const OpDef max_pool = {
    .name = "max_pool",
    .infer = infer_max,
    .vjp = [](G c) -> L {
      return {emit_one(Op::max_pool_backward, c.attrs, {c.in(0), c.ct()}, {})};
    },
    .reference = reference_max,
    .onnx = "MaxPool",
    .samples = samples_max,
};

// (x, ct of max_pool(x)) -> ct of x.
const OpDef max_pool_backward = {
    .name = "max_pool_backward",
    .infer = infer_max_backward,
    .vjp = [](G c) -> L {
      return {Tensor(), emit_one(Op::max_pool_gather, c.attrs, {c.in(0), c.ct()}, {})};
    },
    .reference = reference_max_backward,
    .samples = samples_max_backward,
};

// (x, v) -> the elements of v where the windows of x have their maxima.
const OpDef max_pool_gather = {
    .name = "max_pool_gather",
    .infer = infer_max_gather,
    .vjp = [](G c) -> L {
      return {Tensor(), emit_one(Op::max_pool_backward, c.attrs, {c.in(0), c.ct()}, {})};
    },
    .reference = reference_max_gather,
    .samples = samples_max_gather,
};

const OpDef avg_pool = {
    .name = "avg_pool",
    .infer = infer_avg,
    .vjp = [](G c) -> L {
      const auto size = spatial_of(c.in(0).shape(), is_channels_last(c.attrs));
      return {emit_one(Op::avg_pool_backward, c.attrs.with("size", size), {c.ct()}, {})};
    },
    .reference = reference_avg,
    .onnx = "AveragePool",
    .samples = samples_avg,
};

const OpDef avg_pool_backward = {
    .name = "avg_pool_backward",
    .infer = infer_avg_backward,
    .vjp = [](G c) -> L { return {emit_one(Op::avg_pool, c.attrs.without("size"), {c.ct()}, {})}; },
    .reference = reference_avg_backward,
    .samples = samples_avg_backward,
};

}  // namespace op_defs
}  // namespace nacre
