// conv, conv_backward_input, conv_backward_weights {stride, padding, dilation, groups,
// channels_last}: three maps that are linear in each of their two operands, and each the gradient
// of the others. conv has {activation} too ("" or "relu"), for the pass that fuses it. {compute} of
// "bf16" rounds the two operands to bf16 before they are multiplied; the sums stay as exact as the
// result's dtype. {crop} gives, for each spatial axis, how many elements at the end of the padded
// image are as if they were not there, for the pass that leaves out outputs nobody reads.
//
// One file of some 500 lines, since the three share geometry, references, gradients and samples.
#include "nacre/ops/image/conv_geometry.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"

namespace nacre {

std::vector<std::int64_t> kernel_of(const Shape& weights) {
  if (weights.rank() < 2) return {};
  return {weights.begin() + 2, weights.end()};
}

ConvGeometry::ConvGeometry(const Attrs& attrs, const Shape& x, const Shape& weights, const Shape& y)
    : input(x, attrs.flag_or("channels_last", false)),
      output(y, attrs.flag_or("channels_last", false)),
      window(attrs, kernel_of(weights)),
      groups(attrs.integer_or("groups", 1)) {}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

bool channels_last(const Attrs& attrs) { return attrs.flag_or("channels_last", false); }

// The attributes that the three ops share.
Attrs shared_attrs(const Attrs& attrs) {
  std::vector<Attrs::Entry> kept;
  for (const auto& entry : attrs.entries()) {
    for (const char* key :
         {"stride", "padding", "dilation", "groups", "channels_last", "compute", "crop"}) {
      if (entry.first == key) kept.push_back(entry);
    }
  }
  return Attrs(std::move(kept));
}

Tensor backward_input(const Attrs& attrs, const Tensor& ct, const Tensor& w, const Shape& x) {
  return emit_one(Op::conv_backward_input,
                  shared_attrs(attrs).with("size", spatial_of(x, channels_last(attrs))), {ct, w},
                  {});
}
TensorList backward_weights(const Attrs& attrs, const Tensor& x, const Tensor& ct, const Shape& w,
                            bool bias) {
  const Tensor inputs[] = {x, ct};
  return emit(Op::conv_backward_weights,
              shared_attrs(attrs).with("kernel", kernel_of(w)).with("bias", bias), inputs, {});
}
Tensor forward(const Attrs& attrs, const Tensor& x, const Tensor& w) {
  return emit_one(Op::conv, shared_attrs(attrs), {x, w}, {});
}

bool in_bfloat16(const Attrs& attrs) { return attrs.has("compute"); }

// Attributes that passes add.
void check_additions(const InferContext& c, int axes) {
  const auto crop = c.attrs.integers_or("crop", {});
  if (!crop.empty() && static_cast<int>(crop.size()) != axes) {
    c.fail_value(fmt::format("{} crop values given for {} spatial axes", crop.size(), axes));
  }
  for (const std::int64_t n : crop) {
    if (n < 0) c.fail_value(fmt::format("crop must be at least 0, not {}", n));
  }
  if (!in_bfloat16(c.attrs) || c.attrs.text("compute") == "bf16") return;
  c.fail_value(fmt::format("compute \"{}\" is not known", c.attrs.text("compute")),
               "leave it out, or use \"bf16\"");
}

std::int64_t check_groups(const InferContext& c, std::int64_t outputs) {
  const std::int64_t groups = c.attrs.integer_or("groups", 1);
  if (groups < 1) c.fail_value(fmt::format("groups must be at least 1, not {}", groups));
  if (outputs % groups != 0) {
    c.fail_shape(fmt::format("{} output channels do not divide into {} groups", outputs, groups));
  }
  return groups;
}

// The output's spatial sizes of a convolution over `size`.
std::vector<std::int64_t> places(const InferContext& c, std::span<const std::int64_t> size,
                                 std::span<const std::int64_t> kernel) {
  const Window window(c.attrs, kernel);
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < size.size(); ++i) {
    const int k = static_cast<int>(3 - size.size() + i);
    out.push_back(window.places(k, size[i]));
    if (out.back() < 1) {
      c.fail_shape(
          fmt::format(
              "a window of {} does not fit spatial axis {} of size {} with padding {}",
              window.extent(k), i, size[i],
              window.low[static_cast<std::size_t>(k)] + window.high[static_cast<std::size_t>(k)]),
          "use a smaller kernel or dilation, or padding = kSame");
    }
  }
  return out;
}

SpecList infer_conv(const InferContext& c) {
  if (c.inputs.size() != 3) c.expect_inputs(2);
  c.expect_floating(0);
  c.expect_same_dtype();
  const int axes = check_image(c, 0);
  check_additions(c, axes);
  const Shape& w = c.inputs[1].shape;
  if (w.rank() != axes + 2) {
    c.fail_shape(fmt::format("weights of rank {} expected, {} given", axes + 2, w.rank()),
                 "weights are [output channels, input channels / groups, kernel...]");
  }
  const auto kernel = kernel_of(w);
  check_window(c, axes, kernel);
  const std::int64_t groups = check_groups(c, w[0]);
  const bool last = channels_last(c.attrs);
  const Image x(c.inputs[0].shape, last);
  if (x.channels != w[1] * groups) {
    c.fail_shape(fmt::format("the input has {} channels, the weights take {}", x.channels,
                             groups == 1 ? fmt::format("{}", w[1])
                                         : fmt::format("{} in {} groups", w[1] * groups, groups)),
                 "images are [batch, channels, spatial...]; channels_last = true takes "
                 "[batch, spatial..., channels]");
  }
  if (c.inputs.size() == 3 && !(c.inputs[2].shape == Shape{w[0]})) {
    c.fail_shape(
        fmt::format("a bias of shape [{}] expected, {} given", w[0], to_string(c.inputs[2].shape)));
  }
  if (c.attrs.has("activation") && !c.attrs.text("activation").empty() &&
      c.attrs.text("activation") != "relu") {
    c.fail_value(fmt::format("activation \"{}\" cannot be fused", c.attrs.text("activation")),
                 "apply it to the result");
  }
  return {
      {c.inputs[0].dtype,
       image_shape(x.batch, w[0], places(c, spatial_of(c.inputs[0].shape, last), kernel), last)}};
}

SpecList infer_backward_input(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_floating(0);
  c.expect_same_dtype();
  const int axes = check_image(c, 0);
  check_additions(c, axes);
  const Shape& w = c.inputs[1].shape;
  if (w.rank() != axes + 2) {
    c.fail_shape(fmt::format("weights of rank {} expected, {} given", axes + 2, w.rank()),
                 "weights are [input channels, output channels / groups, kernel...]");
  }
  const auto kernel = kernel_of(w);
  check_window(c, axes, kernel);
  const std::int64_t groups = check_groups(c, w[0]);
  const bool last = channels_last(c.attrs);
  const Image ct(c.inputs[0].shape, last);
  if (ct.channels != w[0]) {
    c.fail_shape(fmt::format("the input has {} channels, the weights take {}", ct.channels, w[0]),
                 "weights are [input channels, output channels / groups, kernel...]");
  }
  const auto& size = c.attrs.integers("size");
  const auto given = spatial_of(c.inputs[0].shape, last);
  if (size.size() != given.size()) {
    c.fail_value(fmt::format("{} sizes given for {} spatial axes", size.size(), given.size()));
  }
  const Window window(c.attrs, kernel);
  for (std::size_t i = 0; i < size.size(); ++i) {
    const std::int64_t n = window.places(static_cast<int>(3 - size.size() + i), size[i]);
    if (n != given[i]) {
      c.fail_shape(fmt::format("size {} on spatial axis {} belongs to {} places of the window, the "
                               "input has {}",
                               size[i], i, n, given[i]),
                   "output_padding must be below the stride");
    }
  }
  return {{c.inputs[0].dtype, image_shape(ct.batch, w[1] * groups, size, last)}};
}

SpecList infer_backward_weights(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_floating(0);
  c.expect_same_dtype();
  const int axes = check_image(c, 0);
  check_additions(c, axes);
  c.expect_rank(1, axes + 2);
  const auto& kernel = c.attrs.integers("kernel");
  check_window(c, axes, kernel);
  const bool last = channels_last(c.attrs);
  const Image x(c.inputs[0].shape, last);
  const Image ct(c.inputs[1].shape, last);
  const std::int64_t groups = check_groups(c, ct.channels);
  if (x.channels % groups != 0) {
    c.fail_shape(fmt::format("{} input channels do not divide into {} groups", x.channels, groups));
  }
  const Shape expected = image_shape(x.batch, ct.channels,
                                     places(c, spatial_of(c.inputs[0].shape, last), kernel), last);
  if (!(expected == c.inputs[1].shape)) {
    c.fail_shape(fmt::format("a gradient of shape {} expected, {} given", to_string(expected),
                             to_string(c.inputs[1].shape)));
  }
  Shape w{ct.channels, x.channels / groups};
  for (const std::int64_t k : kernel) w.push_back(k);
  SpecList out{{c.inputs[0].dtype, w}};
  if (c.attrs.flag_or("bias", false)) out.push_back({c.inputs[0].dtype, Shape{ct.channels}});
  return out;
}

// Calls f(input element, weight element, output element) for every product of a convolution.
template <class F>
void for_each_product(const ConvGeometry& g, F&& f) {
  const Window& w = g.window;
  const std::int64_t outs = g.output.channels / g.groups;
  const std::int64_t ins = g.input.channels / g.groups;
  Axes3 p;
  for (std::int64_t b = 0; b < g.output.batch; ++b) {
    for (std::int64_t o = 0; o < g.output.channels; ++o) {
      for (p[0] = 0; p[0] < g.output.size[0]; ++p[0]) {
        for (p[1] = 0; p[1] < g.output.size[1]; ++p[1]) {
          for (p[2] = 0; p[2] < g.output.size[2]; ++p[2]) {
            std::int64_t y = g.output.offset(b, o);
            for (std::size_t i = 0; i < 3; ++i) y += p[i] * g.output.stride[i];
            for (std::int64_t c = 0; c < ins; ++c) {
              std::int64_t wi = (o * ins + c) * w.kernel[0] * w.kernel[1] * w.kernel[2];
              Axes3 k;
              for (k[0] = 0; k[0] < w.kernel[0]; ++k[0]) {
                for (k[1] = 0; k[1] < w.kernel[1]; ++k[1]) {
                  for (k[2] = 0; k[2] < w.kernel[2]; ++k[2], ++wi) {
                    std::int64_t x = g.input.offset(b, o / outs * ins + c);
                    bool inside = true;
                    for (std::size_t i = 0; i < 3; ++i) {
                      const std::int64_t q = p[i] * w.stride[i] - w.low[i] + k[i] * w.dilation[i];
                      inside = inside && q >= 0 && q < g.input.size[i];
                      x += q * g.input.stride[i];
                    }
                    if (inside) {
                      f(static_cast<std::size_t>(x), static_cast<std::size_t>(wi),
                        static_cast<std::size_t>(y));
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

std::vector<double> zeros_for(const Shape& s) {
  return std::vector<double>(static_cast<std::size_t>(s.elements()));
}

// The channel of element i of an image.
std::size_t channel_of(const Image& image, std::size_t i) {
  return i / static_cast<std::size_t>(image.channel_stride) %
         static_cast<std::size_t>(image.channels);
}

// Operand i as it is multiplied.
std::vector<double> load_factor(const ReferenceContext& c, std::size_t i) {
  std::vector<double> values = c.load(i);
  if (in_bfloat16(c.attrs)) {
    for (double& v : values) v = static_cast<float>(bfloat16(static_cast<float>(v)));
  }
  return values;
}

void reference_conv(const ReferenceContext& c) {
  const ConvGeometry g(c.attrs, c.in_shape(0), c.in_shape(1), c.out_shape());
  const std::vector<double> x = load_factor(c, 0);
  const std::vector<double> w = load_factor(c, 1);
  std::vector<double> y = zeros_for(c.out_shape());
  for_each_product(g,
                   [&](std::size_t xi, std::size_t wi, std::size_t yi) { y[yi] += x[xi] * w[wi]; });
  if (c.in_specs.size() == 3) {
    const std::vector<double> bias = c.load(2);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += bias[channel_of(g.output, i)];
  }
  if (c.attrs.has("activation") && c.attrs.text("activation") == "relu") {
    for (double& v : y) v = 0 < v ? v : 0 * v;
  }
  c.store(0, y);
}

void reference_backward_input(const ReferenceContext& c) {
  const ConvGeometry g(c.attrs, c.out_shape(), c.in_shape(1), c.in_shape(0));
  const std::vector<double> y = load_factor(c, 0);
  const std::vector<double> w = load_factor(c, 1);
  std::vector<double> x = zeros_for(c.out_shape());
  for_each_product(g,
                   [&](std::size_t xi, std::size_t wi, std::size_t yi) { x[xi] += y[yi] * w[wi]; });
  c.store(0, x);
}

void reference_backward_weights(const ReferenceContext& c) {
  const ConvGeometry g(c.attrs, c.in_shape(0), c.out_shape(), c.in_shape(1));
  const std::vector<double> x = load_factor(c, 0);
  const std::vector<double> y = load_factor(c, 1);
  std::vector<double> w = zeros_for(c.out_shape());
  for_each_product(g,
                   [&](std::size_t xi, std::size_t wi, std::size_t yi) { w[wi] += x[xi] * y[yi]; });
  c.store(0, w);
  if (c.out_specs.size() == 2) {
    std::vector<double> bias = zeros_for(c.out_shape(1));
    for (std::size_t i = 0; i < y.size(); ++i) bias[channel_of(g.output, i)] += y[i];
    c.store(1, bias);
  }
}

std::vector<int> all_but_channels(int rank, bool last) {
  std::vector<int> axes;
  for (int i = 0; i < rank; ++i) {
    if (i != (last ? rank - 1 : 1)) axes.push_back(i);
  }
  return axes;
}

L vjp_conv(G c) {
  Tensor ct = c.ct();
  if (c.attrs.has("activation") && c.attrs.text("activation") == "relu") {
    ct = nacre::where(c.out() > 0, ct, 0);
  }
  const Shape& x = c.in(0).shape();
  const Shape& w = c.in(1).shape();
  const bool bias = c.inputs.size() == 3 && c.wanted[2];
  L out;
  out.push_back(c.wanted[0] ? backward_input(c.attrs, ct, c.in(1), x) : Tensor());
  if (c.wanted[1]) {
    const L both = backward_weights(c.attrs, c.in(0), ct, w, bias);
    out.push_back(both[0]);
    if (c.inputs.size() == 3) out.push_back(bias ? both[1] : Tensor());
  } else {
    out.push_back(Tensor());
    if (bias) out.push_back(nacre::sum(ct, all_but_channels(ct.rank(), channels_last(c.attrs))));
    if (c.inputs.size() == 3 && !bias) out.push_back(Tensor());
  }
  return out;
}

L vjp_backward_input(G c) {
  return {c.wanted[0] ? forward(c.attrs, c.ct(), c.in(1)) : Tensor(),
          c.wanted[1] ? backward_weights(c.attrs, c.ct(), c.in(0), c.in(1).shape(), false)[0]
                      : Tensor()};
}

L vjp_backward_weights(G c) {
  const Tensor ct = c.ct(0);
  Tensor dx;
  Tensor dy;
  if (c.wanted[0]) dx = backward_input(c.attrs, c.in(1), ct, c.in(0).shape());
  if (c.wanted[1]) {
    const bool bias = c.outputs.size() == 2 && c.cotangents[1].defined();
    dy = bias ? emit_one(Op::conv, shared_attrs(c.attrs), {c.in(0), ct, c.ct(1)}, {})
              : forward(c.attrs, c.in(0), ct);
  }
  return {dx, dy};
}

// Two operations for each output element and weight that feeds it.
Cost conv_cost(std::span<const Spec> in, std::span<const Spec> out, const Spec& y, const Shape& w) {
  Cost cost{2.0 * static_cast<double>(y.elements()) * static_cast<double>(w.elements()) /
                static_cast<double>(std::max<std::int64_t>(1, w[0])),
            0};
  for (const Spec& s : in) cost.bytes += static_cast<double>(s.bytes());
  for (const Spec& s : out) cost.bytes += static_cast<double>(s.bytes());
  return cost;
}

using Ints = std::vector<std::int64_t>;

// Geometries that every one of the three ops is checked with.
struct Case {
  DType dtype;
  Shape x;
  Shape w;
  Ints stride;
  Ints padding;
  Ints dilation;
  std::int64_t groups;
  bool last = false;
  Ints crop = {};
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {f32, {2, 3, 7, 6}, {5, 3, 3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {f32, {2, 4, 9, 8}, {6, 2, 3, 2}, {2, 1}, {1, 0, 2, 1}, {1, 2}, 2},
      {f32, {1, 5, 6, 7}, {5, 1, 3, 3}, {1, 2}, {1, 1, 1, 1}, {1, 1}, 5},
      {f32, {2, 16, 5, 5}, {32, 16, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {f32, {2, 3, 11}, {4, 3, 4}, {3}, {2, 1}, {1}, 1},
      {f32, {1, 2, 4, 5, 3}, {3, 2, 2, 3, 2}, {1, 2, 1}, {0, 1, 1, 0, 0, 0}, {1, 1, 1}, 1},
      {f64, {2, 2, 5, 4}, {3, 2, 3, 2}, {2, 1}, {1, 1, 0, 1}, {1, 1}, 1},
      {f32, {2, 6, 5, 3}, {4, 3, 3, 3}, {1, 1}, {1, 1, 0, 0}, {1, 1}, 1, true},
      {f32, {2, 3, 8, 7}, {4, 3, 3, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, false, {1, 2}},
      {f32, {2, 16, 9, 7}, {16, 16, 3, 3}, {2, 1}, {1, 0, 1, 1}, {1, 1}, 1, false, {2, 1}},
      {f32, {2, 8, 7, 16}, {16, 16, 3, 3}, {1, 1}, {0, 0, 1, 1}, {1, 1}, 1, true, {1, 2}},
  };
  return list;
}

Attrs attrs_of(const Case& k) {
  const Attrs attrs = {{"stride", k.stride},
                       {"padding", k.padding},
                       {"dilation", k.dilation},
                       {"groups", k.groups},
                       {"channels_last", k.last}};
  return k.crop.empty() ? attrs : attrs.with("crop", k.crop);
}

// The sample with operands rounded to bf16: a function of steps, whose gradients are not checked.
Sample narrow(Sample sample) {
  sample.attrs = sample.attrs.with("compute", std::string("bf16"));
  sample.check_gradient = false;
  return sample;
}

Shape output_of(const Case& k) {
  const Window window(attrs_of(k), kernel_of(k.w));
  Ints size = spatial_of(k.x, k.last);
  for (std::size_t i = 0; i < size.size(); ++i) {
    size[i] = window.places(static_cast<int>(3 - size.size() + i), size[i]);
  }
  return image_shape(k.x[0], k.w[0], size, k.last);
}

std::vector<Sample> samples_conv() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    list.push_back({.inputs = {{{k.dtype, k.x}}, {{k.dtype, k.w}}}, .attrs = attrs_of(k)});
    list.push_back({.inputs = {{{k.dtype, k.x}}, {{k.dtype, k.w}}, {{k.dtype, {k.w[0]}}}},
                    .attrs = attrs_of(k)});
  }
  const Case& k = cases()[0];
  list.push_back({.inputs = {{{f32, k.x}, 0.1, 1}, {{f32, k.w}, 0.1, 1}, {{f32, {k.w[0]}}, 0.1, 1}},
                  .attrs = attrs_of(k).with("activation", std::string("relu"))});
  for (const Case& n : cases()) {
    list.push_back(narrow({.inputs = {{{n.dtype, n.x}}, {{n.dtype, n.w}}, {{n.dtype, {n.w[0]}}}},
                           .attrs = attrs_of(n)}));
  }
  return list;
}

std::vector<Sample> samples_backward_input() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    list.push_back({.inputs = {{{k.dtype, output_of(k)}}, {{k.dtype, k.w}}},
                    .attrs = attrs_of(k).with("size", spatial_of(k.x, k.last))});
    list.push_back(narrow(list.back()));
  }
  return list;
}

std::vector<Sample> samples_backward_weights() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    for (const bool bias : {false, true}) {
      list.push_back({.inputs = {{{k.dtype, k.x}}, {{k.dtype, output_of(k)}}},
                      .attrs = attrs_of(k).with("kernel", kernel_of(k.w)).with("bias", bias)});
      list.push_back(narrow(list.back()));
    }
  }
  return list;
}

}  // namespace

const OpDef conv = {
    .name = "conv",
    .infer = infer_conv,
    .vjp = vjp_conv,
    .reference = reference_conv,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return conv_cost(in, out, out[0], in[1].shape); },
    .onnx = "Conv",
    .samples = samples_conv,
};

const OpDef conv_backward_input = {
    .name = "conv_backward_input",
    .infer = infer_backward_input,
    .vjp = vjp_backward_input,
    .reference = reference_backward_input,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return conv_cost(in, out, in[0], in[1].shape); },
    .onnx = "ConvTranspose",
    .samples = samples_backward_input,
};

const OpDef conv_backward_weights = {
    .name = "conv_backward_weights",
    .infer = infer_backward_weights,
    .vjp = vjp_backward_weights,
    .reference = reference_backward_weights,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return conv_cost(in, out, in[1], out[0].shape); },
    .samples = samples_backward_weights,
};

}  // namespace op_defs
}  // namespace nacre
