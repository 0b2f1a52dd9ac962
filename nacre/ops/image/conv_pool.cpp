// conv_pool (x, weights[, bias]) {stride, padding, dilation, groups, channels_last, activation}: a
// convolution over two axes, relu, and the maximum of its 2 x 2 windows at stride 2. Two outputs:
// the maxima, and as u8 which of its window's four elements each one is; kCutOff where relu makes
// it zero. conv_pool_backward_weights (x, ct, which) {the same, kernel, bias} is the gradient of
// weights and bias. Passes make both, where the large result of the convolution need not exist.
#include <algorithm>
#include <cmath>

#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/image/conv_geometry.h"

namespace nacre::op_defs {
namespace {

constexpr int kCutOff = 4;

void check(const InferContext& c) {
  if (c.attrs.flag_or("channels_last", false)) c.fail_value("channels_last is not supported");
  for (const char* key : {"stride", "dilation"}) {
    if (c.attrs.integers_or(key, {1, 1}) != std::vector<std::int64_t>{1, 1}) {
      c.fail_value(std::string(key) + " must be 1");
    }
  }
  if (c.attrs.integer_or("groups", 1) != 1) c.fail_value("groups must be 1");
}

// [batch, channels, rows, columns] of the maxima.
Shape pooled(const InferContext& c, const Shape& x, std::int64_t channels,
             std::span<const std::int64_t> kernel) {
  check_window(c, 2, kernel);
  check(c);
  const Window window(c.attrs, kernel);
  const std::int64_t rows = window.places(1, x[2]) / 2;
  const std::int64_t columns = window.places(2, x[3]) / 2;
  if (rows < 1 || columns < 1) c.fail_shape("the convolution gives less than one 2 x 2 window");
  return {x[0], channels, rows, columns};
}

SpecList infer(const InferContext& c) {
  if (c.inputs.size() != 3) c.expect_inputs(2);
  c.expect_floating(0);
  c.expect_same_dtype();
  c.expect_rank(0, 4);
  c.expect_rank(1, 4);
  const Shape& x = c.inputs[0].shape;
  const Shape& w = c.inputs[1].shape;
  if (x[1] != w[1]) c.fail_shape("input and weights differ in channels");
  if (c.inputs.size() == 3 && !(c.inputs[2].shape == Shape{w[0]})) {
    c.fail_shape("one bias for each output channel expected");
  }
  const std::int64_t kernel[] = {w[2], w[3]};
  const Shape out = pooled(c, x, w[0], kernel);
  return {{c.inputs[0].dtype, out}, {u8, out}};
}

SpecList infer_backward_weights(const InferContext& c) {
  c.expect_inputs(3);
  c.expect_floating(0);
  c.expect_rank(0, 4);
  c.expect_rank(1, 4);
  const Shape& x = c.inputs[0].shape;
  const Shape& y = c.inputs[1].shape;
  const auto& kernel = c.attrs.integers("kernel");
  if (!(pooled(c, x, y[1], kernel) == y)) c.fail_shape("the gradient has the wrong shape");
  if (!(c.inputs[2] == Spec{u8, y})) c.fail_shape("the places of the maxima do not fit");
  if (c.inputs[1].dtype != c.inputs[0].dtype) c.fail_dtype("equal dtypes expected");
  SpecList out{{c.inputs[0].dtype, Shape{y[1], x[1], kernel[0], kernel[1]}}};
  if (c.attrs.flag("bias")) out.push_back({c.inputs[0].dtype, Shape{y[1]}});
  return out;
}

// A picture in double with zeros around it.
struct Padded {
  const std::vector<double>& x;
  const Shape& shape;
  const Window& window;

  double at(std::int64_t b, std::int64_t c, std::int64_t row, std::int64_t column) const {
    row -= window.low[1];
    column -= window.low[2];
    if (row < 0 || column < 0 || row >= shape[2] || column >= shape[3]) return 0;
    return x[static_cast<std::size_t>(((b * shape[1] + c) * shape[2] + row) * shape[3] + column)];
  }
};

template <class F>
void for_each_element(const Shape& y, F&& f) {
  std::size_t i = 0;
  for (std::int64_t b = 0; b < y[0]; ++b) {
    for (std::int64_t o = 0; o < y[1]; ++o) {
      for (std::int64_t row = 0; row < y[2]; ++row) {
        for (std::int64_t column = 0; column < y[3]; ++column) f(i++, b, o, row, column);
      }
    }
  }
}

void reference(const ReferenceContext& c) {
  const Shape& ws = c.in_shape(1);
  const std::int64_t kernel[] = {ws[2], ws[3]};
  const Window window(c.attrs, kernel);
  const std::vector<double> xs = c.load(0);
  const std::vector<double> w = c.load(1);
  const std::vector<double> bias =
      c.in_specs.size() == 3 ? c.load(2) : std::vector<double>(static_cast<std::size_t>(ws[0]));
  const Padded x{xs, c.in_shape(0), window};
  std::vector<double> y(static_cast<std::size_t>(c.out_shape().elements()));
  auto* which = static_cast<std::uint8_t*>(c.out[1]);
  for_each_element(c.out_shape(), [&](std::size_t i, auto b, auto o, auto row, auto column) {
    double top = 0;
    int place = 0;
    for (int k = 0; k < 4; ++k) {
      double sum = bias[static_cast<std::size_t>(o)];
      auto tap = static_cast<std::size_t>(o * ws[1] * ws[2] * ws[3]);
      for (std::int64_t ch = 0; ch < ws[1]; ++ch) {
        for (std::int64_t r = 0; r < ws[2]; ++r) {
          for (std::int64_t s = 0; s < ws[3]; ++s) {
            sum += w[tap++] * x.at(b, ch, 2 * row + k / 2 + r, 2 * column + k % 2 + s);
          }
        }
      }
      if (k == 0 || sum > top || (std::isnan(sum) && !std::isnan(top))) {
        top = sum;
        place = k;
      }
    }
    y[i] = top <= 0 ? 0 : top;
    which[i] = static_cast<std::uint8_t>(top > 0 ? place : kCutOff);
  });
  c.store(0, y);
}

void reference_backward_weights(const ReferenceContext& c) {
  const Shape& ws = c.out_shape(0);
  const Window window(c.attrs, c.attrs.integers("kernel"));
  const std::vector<double> xs = c.load(0);
  const std::vector<double> ct = c.load(1);
  const auto* which = static_cast<const std::uint8_t*>(c.in[2]);
  const Padded x{xs, c.in_shape(0), window};
  std::vector<double> w(static_cast<std::size_t>(ws.elements()));
  std::vector<double> bias(static_cast<std::size_t>(ws[0]));
  for_each_element(c.in_shape(1), [&](std::size_t i, auto b, auto o, auto row, auto column) {
    const int k = which[i];
    if (k >= kCutOff) return;
    bias[static_cast<std::size_t>(o)] += ct[i];
    auto tap = static_cast<std::size_t>(o * ws[1] * ws[2] * ws[3]);
    for (std::int64_t ch = 0; ch < ws[1]; ++ch) {
      for (std::int64_t r = 0; r < ws[2]; ++r) {
        for (std::int64_t s = 0; s < ws[3]; ++s) {
          w[tap++] += ct[i] * x.at(b, ch, 2 * row + k / 2 + r, 2 * column + k % 2 + s);
        }
      }
    }
  });
  c.store(0, w);
  if (c.out_specs.size() == 2) c.store(1, bias);
}

// Two operations for each product that the unpooled convolution has.
Cost cost(std::span<const Spec> in, std::span<const Spec> out, const Shape& w, const Shape& y) {
  Cost result{8.0 * static_cast<double>(y.elements()) *
                  static_cast<double>(w.elements() / std::max<std::int64_t>(1, w[0])),
              0};
  for (const Spec& s : in) result.bytes += static_cast<double>(s.bytes());
  for (const Spec& s : out) result.bytes += static_cast<double>(s.bytes());
  return result;
}

using Ints = std::vector<std::int64_t>;

struct Case {
  Shape x;
  Shape w;
  Ints padding;
  Shape y;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {{3, 1, 28, 28}, {5, 1, 3, 3}, {0, 0, 0, 0}, {3, 5, 13, 13}},
      {{2, 3, 10, 13}, {4, 3, 3, 3}, {1, 1, 1, 1}, {2, 4, 5, 6}},
      {{2, 2, 9, 70}, {3, 2, 3, 3}, {0, 1, 2, 0}, {2, 3, 4, 35}},
      {{1, 2, 8, 9}, {3, 2, 2, 5}, {0, 0, 0, 0}, {1, 3, 3, 2}},
  };
  return list;
}

Attrs attrs_of(const Case& k) { return {{"padding", k.padding}}; }

std::vector<Sample> samples() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    list.push_back({.inputs = {{{f32, k.x}}, {{f32, k.w}}, {{f32, {k.w[0]}}}},
                    .attrs = attrs_of(k),
                    .check_gradient = false});
  }
  const Case& k = cases()[0];
  list.push_back(
      {.inputs = {{{f32, k.x}}, {{f32, k.w}}}, .attrs = attrs_of(k), .check_gradient = false});
  return list;
}

std::vector<Sample> samples_backward_weights() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    for (const bool bias : {false, true}) {
      list.push_back({.inputs = {{{f32, k.x}}, {{f32, k.y}}, {{u8, k.y}, 0, 5, Fill::integers}},
                      .attrs = attrs_of(k).with("kernel", Ints{k.w[2], k.w[3]}).with("bias", bias),
                      .check_gradient = false});
    }
  }
  return list;
}

}  // namespace

const OpDef conv_pool = {
    .name = "conv_pool",
    .infer = infer,
    .gradient = Gradient::none,
    .gradient_hint = "differentiate before the passes run",
    .reference = reference,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return cost(in, out, in[1].shape, out[0].shape); },
    .samples = samples,
};

const OpDef conv_pool_backward_weights = {
    .name = "conv_pool_backward_weights",
    .infer = infer_backward_weights,
    .gradient = Gradient::none,
    .gradient_hint = "differentiate before the passes run",
    .reference = reference_backward_weights,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return cost(in, out, out[0].shape, in[1].shape); },
    .samples = samples_backward_weights,
};

}  // namespace nacre::op_defs
