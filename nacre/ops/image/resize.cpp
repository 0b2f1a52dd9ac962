// resize {size, mode, align_corners, step} and its adjoint resize_backward, which has {from}, the
// spatial sizes of the input. Both are linear: each is the other's gradient.
#include "nacre/ops/image/resize_taps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

constexpr std::array<std::string_view, 4> kModes = {"nearest", "nearest_exact", "linear", "cubic"};

Attrs resize_attrs(const std::vector<std::int64_t>& size, const std::vector<double>& step,
                   const ResizeOptions& options) {
  return {{"size", size},
          {"mode", std::string(kModes[static_cast<std::size_t>(options.mode)])},
          {"align_corners", options.align_corners},
          {"step", step}};
}

ResizeMode mode_of(const Attrs& attrs) {
  const auto found = std::find(kModes.begin(), kModes.end(), attrs.text("mode"));
  return static_cast<ResizeMode>(found - kModes.begin());
}

[[noreturn]] void fail(std::string_view op, const Operand& x, std::string what) {
  throw ShapeError(format_error({.op = op,
                                 .what = what,
                                 .inputs = "input " + to_string(x.tensor().spec()),
                                 .location = x.at()}));
}

}  // namespace

Tensor resize(const Operand& x, const PerAxis& size, const ResizeOptions& options) {
  const Tensor t = x.tensor();
  return emit_one(Op::resize, resize_attrs(size.expand(t.rank() - 2), {}, options), {t}, x.at());
}

Tensor resize_by(const Operand& x, const std::vector<double>& factors,
                 const ResizeOptions& options) {
  const Tensor t = x.tensor();
  std::vector<std::int64_t> size;
  std::vector<double> step;
  for (int i = 2; i < t.rank(); ++i) {
    const auto k = static_cast<std::size_t>(i - 2);
    if (factors.size() != 1 && k >= factors.size()) break;
    const double factor = factors.size() == 1 ? factors[0] : factors[k];
    size.push_back(
        static_cast<std::int64_t>(std::floor(static_cast<double>(t.shape()[i]) * factor)));
    step.push_back(1 / factor);
  }
  return emit_one(Op::resize, resize_attrs(size, step, options), {t}, x.at());
}

Tensor pixel_shuffle(const Operand& x, std::int64_t factor) {
  const Tensor t = x.tensor();
  if (t.rank() != 4 || factor < 1 || t.size(1) % (factor * factor) != 0) {
    fail("pixel_shuffle", x, fmt::format("[batch, c * {0} * {0}, height, width] expected", factor));
  }
  const std::int64_t c = t.size(1) / (factor * factor);
  const Location& at = x.at();
  const Tensor split = reshape({t, at}, Shape{t.size(0), c, factor, factor, t.size(2), t.size(3)});
  return reshape({transpose({split, at}, {0, 1, 4, 2, 5, 3}), at},
                 Shape{t.size(0), c, t.size(2) * factor, t.size(3) * factor});
}

Tensor pixel_unshuffle(const Operand& x, std::int64_t factor) {
  const Tensor t = x.tensor();
  if (t.rank() != 4 || factor < 1 || t.size(2) % factor != 0 || t.size(3) % factor != 0) {
    fail("pixel_unshuffle", x, fmt::format("[batch, channels, h * {0}, w * {0}] expected", factor));
  }
  const Location& at = x.at();
  const std::int64_t h = t.size(2) / factor;
  const std::int64_t w = t.size(3) / factor;
  const Tensor split = reshape({t, at}, Shape{t.size(0), t.size(1), h, factor, w, factor});
  return reshape({transpose({split, at}, {0, 1, 3, 5, 2, 4}), at},
                 Shape{t.size(0), t.size(1) * factor * factor, h, w});
}

std::vector<ResizeTaps> resize_taps(ResizeMode mode, bool align_corners, std::int64_t in,
                                    std::int64_t out, double step) {
  double distance = step > 0 ? step : static_cast<double>(in) / static_cast<double>(out);
  const bool corners = align_corners && (mode == ResizeMode::linear || mode == ResizeMode::cubic);
  if (corners) distance = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  const auto inside = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, in - 1); };
  std::vector<ResizeTaps> taps;
  for (std::int64_t i = 0; i < out; ++i) {
    const auto place = static_cast<double>(i);
    if (mode == ResizeMode::nearest || mode == ResizeMode::nearest_exact) {
      const double at = mode == ResizeMode::nearest ? place * distance : (place + 0.5) * distance;
      taps.push_back({{inside(static_cast<std::int64_t>(std::floor(at)))}, {1}, 1});
      continue;
    }
    double at = corners ? place * distance : (place + 0.5) * distance - 0.5;
    if (mode == ResizeMode::linear) at = std::max(at, 0.0);
    const auto first = static_cast<std::int64_t>(std::floor(at));
    const double t = at - static_cast<double>(first);
    if (mode == ResizeMode::linear) {
      taps.push_back({{inside(first), inside(first + 1)}, {1 - t, t}, 2});
      continue;
    }
    // Keys 1981: two cubic pieces, of the neighbours within distance 1 and 2.
    constexpr double a = -0.75;
    const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    taps.push_back({{inside(first - 1), inside(first), inside(first + 1), inside(first + 2)},
                    {far(1 + t), near(t), near(1 - t), far(2 - t)},
                    4});
  }
  return taps;
}

std::array<std::vector<ResizeTaps>, 3> resize_taps(const Attrs& attrs, const Image& from,
                                                   const Image& to, int axes) {
  std::array<std::vector<ResizeTaps>, 3> taps;
  const auto& steps = attrs.numbers("step");
  for (std::size_t k = 0; k < 3; ++k) {
    const int real = static_cast<int>(k) - (3 - axes);
    const double step = real >= 0 && !steps.empty() ? steps[static_cast<std::size_t>(real)] : 0;
    taps[k] = resize_taps(mode_of(attrs), attrs.flag_or("align_corners", false), from.size[k],
                          to.size[k], step);
  }
  return taps;
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;
using Ints = std::vector<std::int64_t>;

// The checks of both ops; `size` names the attribute with the sizes that the output has.
Shape check_resize(const InferContext& c, std::string_view size_key) {
  c.expect_inputs(1);
  c.expect_floating(0);
  const int axes = check_image(c, 0);
  const auto& size = c.attrs.integers(size_key);
  if (static_cast<int>(size.size()) != axes) {
    c.fail_value(fmt::format("{} sizes given for {} spatial {}", size.size(), axes,
                             axes == 1 ? "axis" : "axes"));
  }
  for (const std::int64_t s : size) {
    if (s < 1) c.fail_value(fmt::format("sizes must be at least 1, not {}", s));
  }
  const Image image(c.inputs[0].shape, false);
  if (image.pixels() == 0) c.fail_shape("an image without pixels has nothing to sample");
  if (std::find(kModes.begin(), kModes.end(), c.attrs.text("mode")) == kModes.end()) {
    c.fail_value(fmt::format("unknown mode \"{}\"", c.attrs.text("mode")),
                 "nearest, nearest_exact, linear or cubic");
  }
  const auto& steps = c.attrs.numbers("step");
  if (!steps.empty() && static_cast<int>(steps.size()) != axes) {
    c.fail_value(fmt::format("{} steps given for {} spatial axes", steps.size(), axes));
  }
  return image_shape(image.batch, image.channels, size, false);
}

SpecList infer_resize(const InferContext& c) {
  const Shape y = check_resize(c, "size");
  return {{c.inputs[0].dtype, y}};
}

SpecList infer_backward(const InferContext& c) {
  const Shape x = check_resize(c, "from");
  if (spatial_of(c.inputs[0].shape, false) != c.attrs.integers("size")) {
    c.fail_shape(
        fmt::format("a gradient of size [{}] expected", fmt::join(c.attrs.integers("size"), ",")));
  }
  return {{c.inputs[0].dtype, x}};
}

// Calls f(element of the smaller-indexed `from` image, element of `to`, weight) for all taps.
template <class F>
void for_each_tap(const Attrs& attrs, const Shape& x, const Shape& y, F&& f) {
  const Image from(x, false);
  const Image to(y, false);
  const auto taps = resize_taps(attrs, from, to, x.rank() - 2);
  for (std::int64_t plane = 0; plane < from.batch * from.channels; ++plane) {
    std::int64_t o = plane * to.pixels();
    for (const ResizeTaps& t0 : taps[0]) {
      for (const ResizeTaps& t1 : taps[1]) {
        for (const ResizeTaps& t2 : taps[2]) {
          for (int i = 0; i < t0.count; ++i) {
            for (int j = 0; j < t1.count; ++j) {
              for (int k = 0; k < t2.count; ++k) {
                const auto a = static_cast<std::size_t>(i);
                const auto b = static_cast<std::size_t>(j);
                const auto c = static_cast<std::size_t>(k);
                const std::int64_t at = plane * from.pixels() +
                                        (t0.at[a] * from.size[1] + t1.at[b]) * from.size[2] +
                                        t2.at[c];
                f(static_cast<std::size_t>(at), static_cast<std::size_t>(o),
                  t0.weight[a] * t1.weight[b] * t2.weight[c]);
              }
            }
          }
          ++o;
        }
      }
    }
  }
}

void reference_resize(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  std::vector<double> y(static_cast<std::size_t>(c.out_shape().elements()));
  for_each_tap(c.attrs, c.in_shape(), c.out_shape(),
               [&](std::size_t i, std::size_t o, double w) { y[o] += w * x[i]; });
  c.store(0, y);
}

void reference_backward(const ReferenceContext& c) {
  const std::vector<double> y = c.load(0);
  std::vector<double> x(static_cast<std::size_t>(c.out_shape().elements()));
  for_each_tap(c.attrs, c.out_shape(), c.in_shape(),
               [&](std::size_t i, std::size_t o, double w) { x[i] += w * y[o]; });
  c.store(0, x);
}

struct Case {
  DType dtype;
  Shape x;
  Ints size;
  ResizeMode mode;
  bool align_corners = false;
  std::vector<double> step = {};
};

std::vector<Sample> samples_of(bool backward) {
  const std::vector<Case> cases = {
      {f32, {2, 3, 5, 7}, {8, 4}, ResizeMode::linear},
      {f32, {2, 3, 5, 7}, {9, 13}, ResizeMode::linear, true},
      {f32, {1, 2, 6, 5}, {11, 3}, ResizeMode::nearest},
      {f32, {1, 2, 6, 5}, {4, 9}, ResizeMode::nearest_exact},
      {f32, {1, 2, 6, 5}, {9, 4}, ResizeMode::cubic},
      {f32, {1, 2, 4, 5}, {7, 5}, ResizeMode::cubic, true},
      {f32, {2, 2, 9}, {14}, ResizeMode::linear, false, {0.6}},
      {f32, {1, 2, 3, 4, 5}, {4, 3, 8}, ResizeMode::linear},
      {f64, {1, 1, 4, 3}, {2, 5}, ResizeMode::cubic},
  };
  std::vector<Sample> list;
  for (const Case& k : cases) {
    const Attrs attrs =
        resize_attrs(k.size, k.step, {.mode = k.mode, .align_corners = k.align_corners});
    if (backward) {
      list.push_back({.inputs = {{{k.dtype, image_shape(k.x[0], k.x[1], k.size, false)}}},
                      .attrs = attrs.with("from", spatial_of(k.x, false))});
    } else {
      list.push_back({.inputs = {{{k.dtype, k.x}}}, .attrs = attrs});
    }
  }
  return list;
}

}  // namespace

const OpDef resize = {
    .name = "resize",
    .infer = infer_resize,
    .vjp = [](G c) -> L {
      const auto from = spatial_of(c.in(0).shape(), false);
      return {emit_one(Op::resize_backward, c.attrs.with("from", from), {c.ct()}, {})};
    },
    .reference = reference_resize,
    .onnx = "Resize",
    .samples = [] { return samples_of(false); },
};

const OpDef resize_backward = {
    .name = "resize_backward",
    .infer = infer_backward,
    .vjp = [](G c) -> L { return {emit_one(Op::resize, c.attrs, {c.ct()}, {})}; },
    .reference = reference_backward,
    .samples = [] { return samples_of(true); },
};

}  // namespace op_defs
}  // namespace nacre
