// slice {start, size, step}: a strided part; slice_update {start, step}: a tensor with such a part
// replaced. Each is the other's gradient.
#include "nacre/ops/shape/slice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/define/structural.h"

namespace nacre {
namespace {

int checked_axis(const char* op, int axis, const Tensor& x, const Location& at) {
  if (axis < -x.rank() || axis >= x.rank()) {
    throw ValueError(
        format_error({.op = op,
                      .what = fmt::format("axis {} is out of range for rank {}", axis, x.rank()),
                      .inputs = "input " + to_string(x.spec()),
                      .location = at}));
  }
  return axis < 0 ? axis + x.rank() : axis;
}

std::vector<SliceRange> whole(const Shape& shape) {
  std::vector<SliceRange> ranges;
  for (const std::int64_t n : shape) ranges.push_back({0, n, 1});
  return ranges;
}

template <std::int64_t SliceRange::*member>
std::vector<std::int64_t> column(const std::vector<SliceRange>& ranges) {
  std::vector<std::int64_t> out;
  for (const SliceRange& r : ranges) out.push_back(r.*member);
  return out;
}

}  // namespace

SliceRange resolve(const Slice& slice, std::int64_t n, const Location& at) {
  if (slice.step == 0) {
    throw ValueError(format_error({.op = "slice",
                                   .what = "the step is zero",
                                   .location = at,
                                   .hint = "leave the step out to take every element"}));
  }
  const bool forward = slice.step > 0;
  // A step longer than the axis takes one element whatever its length.
  const std::int64_t step = std::clamp(slice.step, -n - 1, n + 1);
  const std::int64_t low = forward ? 0 : -1;
  const std::int64_t high = forward ? n : n - 1;
  const auto place = [&](const Bound& bound, std::int64_t fallback) {
    if (!bound.given()) return fallback;
    const std::int64_t value = bound.value_or(0);
    return std::clamp(value < 0 ? value + n : value, low, high);
  };
  const std::int64_t start = place(slice.start, forward ? low : high);
  const std::int64_t stop = place(slice.stop, forward ? high : low);
  const std::int64_t distance = forward ? stop - start : start - stop;
  if (distance <= 0) return {0, 0, 1};
  const std::int64_t size = (distance - 1) / (forward ? step : -step) + 1;
  return {start, size, size == 1 ? 1 : step};
}

Tensor slice_ranges(const Operand& x, const std::vector<SliceRange>& ranges) {
  const Tensor t = x.tensor();
  bool all = static_cast<int>(ranges.size()) == t.rank();
  for (std::size_t i = 0; all && i < ranges.size(); ++i) {
    const SliceRange& r = ranges[i];
    all = r.start == 0 && r.step == 1 && r.size == t.shape()[static_cast<int>(i)];
  }
  if (all) return t;
  return emit_one(Op::slice,
                  {{"start", column<&SliceRange::start>(ranges)},
                   {"size", column<&SliceRange::size>(ranges)},
                   {"step", column<&SliceRange::step>(ranges)}},
                  {t}, x.at());
}

Tensor slice_update(const Operand& x, const Operand& update,
                    const std::vector<SliceRange>& ranges) {
  return emit_one(
      Op::slice_update,
      {{"start", column<&SliceRange::start>(ranges)}, {"step", column<&SliceRange::step>(ranges)}},
      {x.tensor(), update.tensor(x.dtype())}, x.at());
}

Tensor slice_axis(const Operand& x, int axis, const Slice& range) {
  const Tensor t = x.tensor();
  const int a = checked_axis("slice_axis", axis, t, x.at());
  std::vector<SliceRange> ranges = whole(t.shape());
  ranges[static_cast<std::size_t>(a)] = resolve(range, t.shape()[a], x.at());
  return slice_ranges({t, x.at()}, ranges);
}

Tensor flip(const Operand& x, const Axes& axes) {
  const Tensor t = x.tensor();
  std::vector<SliceRange> ranges = whole(t.shape());
  const auto turn = [&](int axis) {
    const auto a = static_cast<std::size_t>(checked_axis("flip", axis, t, x.at()));
    ranges[a] = resolve({none, none, -1}, ranges[a].size, x.at());
  };
  for (const int a : axes) turn(a);
  for (int i = 0; axes.empty() && i < t.rank(); ++i) turn(i);
  return slice_ranges({t, x.at()}, ranges);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

void check_part(const InferContext& c, const std::vector<std::int64_t>& start,
                const std::vector<std::int64_t>& size, const std::vector<std::int64_t>& step) {
  const Shape& in = c.inputs[0].shape;
  const auto rank = static_cast<std::size_t>(in.rank());
  if (start.size() != rank || size.size() != rank || step.size() != rank) {
    c.fail_value(fmt::format("one range an axis expected: {} starts, {} sizes, {} steps, rank {}",
                             start.size(), size.size(), step.size(), rank));
  }
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t n = in[static_cast<int>(i)];
    const std::int64_t last = start[i] + (size[i] - 1) * step[i];
    if (size[i] < 0 || step[i] == 0 ||
        (size[i] > 0 && (start[i] < 0 || start[i] >= n || last < 0 || last >= n))) {
      c.fail_value(fmt::format("axis {} of size {} has no {} elements from {} in steps of {}", i, n,
                               size[i], start[i], step[i]));
    }
  }
}

SpecList infer_slice(const InferContext& c) {
  c.expect_inputs(1);
  const auto& size = c.attrs.integers("size");
  check_part(c, c.attrs.integers("start"), size, c.attrs.integers("step"));
  return {{c.inputs[0].dtype, Shape(size)}};
}

SpecList infer_slice_update(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  check_part(c, c.attrs.integers("start"), c.inputs[1].shape.to_vector(), c.attrs.integers("step"));
  return {c.inputs[0]};
}

// The part as strides over the whole array, and where it begins.
std::int64_t part_of(const Attrs& attrs, const Shape& whole, const Shape& part, Strides& strides) {
  const auto& start = attrs.integers("start");
  const auto& step = attrs.integers("step");
  strides = row_major_strides(whole);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (part[static_cast<int>(i)] > 0) offset += start[i] * strides[i];
    strides[i] *= step[i];
  }
  return offset;
}

void reference_slice(const ReferenceContext& c) {
  Strides strides;
  const std::int64_t offset = part_of(c.attrs, c.in_shape(), c.out_shape(), strides);
  const std::size_t size = size_of(c.out_specs[0].dtype);
  if (c.out_shape().elements() == 0) return;
  copy_strided(c.out_shape(), size, c.in_bytes(0) + offset * static_cast<std::int64_t>(size),
               strides, c.out[0], row_major_strides(c.out_shape()));
}

void reference_slice_update(const ReferenceContext& c) {
  Strides strides;
  const std::int64_t offset = part_of(c.attrs, c.out_shape(), c.in_shape(1), strides);
  const std::size_t size = size_of(c.out_specs[0].dtype);
  const std::size_t bytes = c.out_specs[0].bytes();
  if (bytes > 0 && c.out[0] != c.in[0]) std::memcpy(c.out[0], c.in[0], bytes);
  if (c.in_shape(1).elements() == 0) return;
  copy_strided(c.in_shape(1), size, c.in[1], row_major_strides(c.in_shape(1)),
               c.out_bytes(0) + offset * static_cast<std::int64_t>(size), strides);
}

std::vector<SliceRange> ranges_of(const Attrs& attrs, const Shape& part) {
  const auto& start = attrs.integers("start");
  const auto& step = attrs.integers("step");
  std::vector<SliceRange> ranges;
  for (std::size_t i = 0; i < start.size(); ++i) {
    ranges.push_back({start[i], part[static_cast<int>(i)], step[i]});
  }
  return ranges;
}

L vjp_slice(G c) {
  const std::vector<SliceRange> ranges = ranges_of(c.attrs, c.out().shape());
  // A slice of everything only turns axes round, and turning twice restores them.
  if (c.out().shape() == c.in(0).shape()) return {slice_ranges(c.ct(), ranges)};
  return {nacre::slice_update(zeros_like(c.in(0)), c.ct(), ranges)};
}

L vjp_slice_update(G c) {
  const std::vector<SliceRange> ranges = ranges_of(c.attrs, c.in(1).shape());
  return {c.wanted[0] ? nacre::slice_update(c.ct(), zeros_like(c.in(1)), ranges) : Tensor(),
          c.wanted[1] ? slice_ranges(c.ct(), ranges) : Tensor()};
}

struct SliceCase {
  Spec spec;
  std::vector<std::int64_t> start, size, step;
};
const std::vector<SliceCase>& slice_cases() {
  static const std::vector<SliceCase> cases = {
      {{f32, {3, 7}}, {0, 2}, {3, 4}, {1, 1}},
      {{f32, {1031}}, {1030}, {344}, {-3}},
      {{f64, {4, 5, 6}}, {1, 4, 0}, {2, 5, 3}, {2, -1, 2}},
      {{f32, {4, 3}}, {3, 0}, {4, 3}, {-1, 1}},
      {{f32, {3, 4}}, {0, 0}, {3, 0}, {1, 1}},
      {{bf16, {9, 33}}, {1, 0}, {7, 33}, {1, 1}},
      {{i64, {7, 5}}, {6, 1}, {3, 2}, {-2, 3}},
      {{boolean, {8}}, {1}, {4}, {2}},
  };
  return cases;
}
SampleInput filled(const Spec& spec) {
  if (spec.dtype == boolean) return {spec, 0, 1, Fill::booleans};
  if (is_integral(spec.dtype)) return {spec, -9, 9, Fill::integers};
  return {spec};
}

}  // namespace

const OpDef slice = {
    .name = "slice",
    .infer = infer_slice,
    .vjp = vjp_slice,
    .reference = reference_slice,
    .onnx = "Slice",
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list;
      for (const SliceCase& s : slice_cases()) {
        list.push_back({.inputs = {filled(s.spec)},
                        .attrs = {{"start", s.start}, {"size", s.size}, {"step", s.step}},
                        .check_gradient = is_floating(s.spec.dtype)});
      }
      return list;
    },
};

const OpDef slice_update = {
    .name = "slice_update",
    .infer = infer_slice_update,
    .vjp = vjp_slice_update,
    .reference = reference_slice_update,
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list;
      for (const SliceCase& s : slice_cases()) {
        list.push_back({.inputs = {filled(s.spec), filled({s.spec.dtype, Shape(s.size)})},
                        .attrs = {{"start", s.start}, {"step", s.step}},
                        .check_gradient = is_floating(s.spec.dtype)});
      }
      return list;
    },
};

}  // namespace op_defs
}  // namespace nacre
