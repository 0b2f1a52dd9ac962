// pad {low, high, mode, value} and unpad {low, high, mode}, its transpose for the modes that repeat
// elements: what was copied to several places is summed back.
#include "nacre/ops/shape/pad.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

constexpr std::string_view kModes[] = {"constant", "edge", "reflect", "symmetric", "circular"};

}  // namespace

Tensor pad(const Operand& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
           const PadOptions& options) {
  Tensor t = x.tensor();
  if (static_cast<int>(widths.size()) != t.rank()) {
    throw ValueError(format_error(
        {.op = "pad",
         .what = fmt::format("{} pairs of widths are given for rank {}", widths.size(), t.rank()),
         .inputs = "input " + to_string(t.spec()),
         .location = x.at(),
         .hint = "give one {before, after} for every axis, {0, 0} where nothing is added"}));
  }
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  std::vector<SliceRange> kept;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const auto [before, after] = widths[i];
    const std::int64_t n = t.shape()[static_cast<int>(i)];
    const std::int64_t cut = std::max<std::int64_t>(0, -before) + std::max<std::int64_t>(0, -after);
    if (cut > n) {
      throw ShapeError(format_error(
          {.op = "pad",
           .what = fmt::format("{} elements are cut from axis {} of size {}", cut, i, n),
           .inputs = "input " + to_string(t.spec()),
           .location = x.at()}));
    }
    kept.push_back({n == cut ? 0 : std::max<std::int64_t>(0, -before), n - cut, 1});
    low.push_back(std::max<std::int64_t>(0, before));
    high.push_back(std::max<std::int64_t>(0, after));
  }
  t = slice_ranges({t, x.at()}, kept);
  const auto positive = [](std::int64_t w) { return w > 0; };
  if (std::none_of(low.begin(), low.end(), positive) &&
      std::none_of(high.begin(), high.end(), positive)) {
    return t;
  }
  const auto mode = std::string(kModes[static_cast<std::size_t>(options.mode)]);
  const Attr value = to_attr(fitted(options.value, t.dtype(), "pad", x.at()));
  return emit_one(Op::pad, {{"low", low}, {"high", high}, {"mode", mode}, {"value", value}}, {t},
                  x.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

// Which element of an axis of size n stands at place i, which may lie outside of it.
std::int64_t source_of(std::string_view mode, std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == "edge") return i < 0 ? 0 : n - 1;
  if (mode == "reflect") return i < 0 ? -i : 2 * (n - 1) - i;
  if (mode == "symmetric") return i < 0 ? -i - 1 : 2 * n - 1 - i;
  return i < 0 ? i + n : i - n;
}

void check_widths(const InferContext& c, const Shape& inner) {
  const auto& low = c.attrs.integers("low");
  const auto& high = c.attrs.integers("high");
  const std::string& mode = c.attrs.text("mode");
  if (std::find(std::begin(kModes), std::end(kModes), mode) == std::end(kModes)) {
    c.fail_value(fmt::format("unknown mode \"{}\"", mode),
                 "constant, edge, reflect, symmetric or circular");
  }
  for (int i = 0; i < inner.rank(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    const std::int64_t most = std::max(low[k], high[k]);
    const std::int64_t least = std::min(low[k], high[k]);
    const std::int64_t n = inner[i];
    if (least < 0) c.fail_value(fmt::format("a negative width {} on axis {}", least, i));
    const bool enough = most == 0 || mode == "constant" || (mode == "edge" && n > 0) ||
                        (mode == "reflect" ? most < n : mode != "edge" && most <= n);
    if (!enough) {
      c.fail_shape(
          fmt::format("mode {} cannot add {} elements to axis {} of size {}", mode, most, i, n),
          "pad less, or with PadMode::edge or PadMode::constant");
    }
  }
}

Shape grown(const InferContext& c, std::int64_t sign) {
  const auto& low = c.attrs.integers("low");
  const auto& high = c.attrs.integers("high");
  Shape out = c.inputs[0].shape;
  if (low.size() != static_cast<std::size_t>(out.rank()) || low.size() != high.size()) {
    c.fail_value(fmt::format("{} and {} widths for rank {}", low.size(), high.size(), out.rank()));
  }
  std::vector<std::int64_t> dims;
  for (int i = 0; i < out.rank(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    dims.push_back(out[i] + sign * (low[k] + high[k]));
  }
  return Shape(dims);
}

SpecList infer_pad(const InferContext& c) {
  c.expect_inputs(1);
  const Shape out = grown(c, 1);
  check_widths(c, c.inputs[0].shape);
  return {{c.inputs[0].dtype, out}};
}

SpecList infer_unpad(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  const Shape out = grown(c, -1);
  check_widths(c, out);
  return {{c.inputs[0].dtype, out}};
}

// Calls f(offset in the padded array, offset in the inner one) for every padded element.
template <class F>
void for_each_source(const Attrs& attrs, const Shape& inner, const Shape& padded, F&& f) {
  const auto& low = attrs.integers("low");
  const std::string& mode = attrs.text("mode");
  const auto strides = row_major_strides(inner);
  const std::int64_t n = padded.elements();
  for (std::int64_t o = 0; o < n; ++o) {
    std::int64_t rest = o;
    std::int64_t from = 0;
    for (int i = padded.rank() - 1; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      from += strides[k] * source_of(mode, rest % padded[i] - low[k], inner[i]);
      rest /= padded[i];
    }
    f(o, from);
  }
}

void reference_pad(const ReferenceContext& c) {
  const Shape& in = c.in_shape();
  const Shape& out = c.out_shape();
  const auto& low = c.attrs.integers("low");
  visit_dtype(c.out_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(c.in[0]);
    T* to = static_cast<T*>(c.out[0]);
    if (c.attrs.text("mode") != "constant") {
      for_each_source(c.attrs, in, out, [&](std::int64_t o, std::int64_t i) { to[o] = from[i]; });
      return;
    }
    std::fill_n(to, out.elements(), *c.attrs.exact("value").as<T>());
    const auto strides = row_major_strides(out);
    for (std::size_t i = 0; i < low.size(); ++i) to += low[i] * strides[i];
    copy_strided(in, sizeof(T), from, row_major_strides(in), to, strides);
  });
}

void reference_unpad(const ReferenceContext& c) {
  const std::vector<double> in = c.load(0);
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
  for_each_source(c.attrs, c.out_shape(), c.in_shape(), [&](std::int64_t p, std::int64_t i) {
    out[static_cast<std::size_t>(i)] += in[static_cast<std::size_t>(p)];
  });
  c.store(0, out);
}

L vjp_pad(G c) {
  const auto& low = c.attrs.integers("low");
  if (c.attrs.text("mode") != "constant") {
    return {
        emit_one(Op::unpad,
                 {{"low", low}, {"high", c.attrs.integers("high")}, {"mode", c.attrs.text("mode")}},
                 {c.ct()}, {})};
  }
  std::vector<SliceRange> inner;
  for (std::size_t i = 0; i < low.size(); ++i) {
    const std::int64_t n = c.in(0).shape()[static_cast<int>(i)];
    inner.push_back({n > 0 ? low[i] : 0, n, 1});
  }
  return {slice_ranges(c.ct(), inner)};
}

using Widths = std::vector<std::int64_t>;
Sample pad_sample(Spec spec, Widths low, Widths high, std::string mode, double value = 0) {
  return {.inputs = {{spec, -9, 9, is_floating(spec.dtype) ? Fill::uniform : Fill::integers}},
          .attrs = {{"low", low}, {"high", high}, {"mode", mode}, {"value", value}},
          .check_gradient = is_floating(spec.dtype)};
}

}  // namespace

const OpDef pad = {
    .name = "pad",
    .infer = infer_pad,
    .vjp = vjp_pad,
    .reference = reference_pad,
    .onnx = "Pad",
    .samples = []() -> std::vector<Sample> {
      return {pad_sample({f32, {3, 7}}, {1, 2}, {0, 3}, "constant"),
              pad_sample({f32, {1031}}, {1}, {33}, "constant", 1.5),
              pad_sample({f64, {2, 3, 4}}, {0, 1, 2}, {1, 0, 1}, "edge"),
              pad_sample({f32, {2, 5}}, {0, 4}, {0, 3}, "reflect"),
              pad_sample({f32, {3, 4}}, {3, 1}, {2, 4}, "symmetric"),
              pad_sample({f32, {3, 4}}, {1, 4}, {3, 2}, "circular"),
              pad_sample({i32, {2, 2}}, {1, 0}, {0, 1}, "constant", -7)};
    },
};

const OpDef unpad = {
    .name = "unpad",
    .infer = infer_unpad,
    .vjp = [](G c) -> L {
      return {emit_one(Op::pad,
                       {{"low", c.attrs.integers("low")},
                        {"high", c.attrs.integers("high")},
                        {"mode", c.attrs.text("mode")},
                        {"value", 0.0}},
                       {c.ct()}, {})};
    },
    .reference = reference_unpad,
    .samples = []() -> std::vector<Sample> {
      return {pad_sample({f64, {3, 4, 7}}, {0, 1, 2}, {1, 0, 1}, "edge"),
              pad_sample({f32, {2, 12}}, {0, 4}, {0, 3}, "reflect"),
              pad_sample({f32, {8, 9}}, {3, 1}, {2, 4}, "symmetric"),
              pad_sample({f32, {7, 10}}, {1, 4}, {3, 2}, "circular")};
    },
};

}  // namespace op_defs
}  // namespace nacre
