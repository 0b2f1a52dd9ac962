// concat {axis}: n tensors to one; split {axis, sizes}: one to n. Each is the other's gradient.
#include "nacre/ops/shape/concat.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

// The size of an axis that may count from the back; 0 out of range, which the op then reports.
std::int64_t axis_size(const Tensor& t, int axis) {
  return axis >= -t.rank() && axis < t.rank() ? t.size(axis) : 0;
}

[[noreturn]] void fail_parts(const char* op, const std::string& what, const Tensor& x,
                             const Location& at, std::string_view hint = {}) {
  throw ShapeError(format_error({.op = op,
                                 .what = what,
                                 .inputs = "input " + to_string(x.spec()),
                                 .location = at,
                                 .hint = hint}));
}

Tensors promoted(const OperandList& list, const char* op) {
  if (list.tensors().empty()) {
    throw ValueError(
        format_error({.op = op, .what = "no tensors are given", .location = list.at()}));
  }
  DType dtype = list.tensors()[0].dtype();
  for (const Tensor& t : list.tensors()) dtype = promote(dtype, t.dtype());
  Tensors out;
  for (const Tensor& t : list.tensors()) out.push_back(cast({t, list.at()}, dtype));
  return out;
}

}  // namespace

OperandList::OperandList(std::initializer_list<Operand> operands) {
  for (const Operand& o : operands) tensors_.push_back(o.tensor());
  if (operands.size() > 0) at_ = operands.begin()->at();
}

Tensor concatenate(const OperandList& list, int axis) {
  const Tensors parts = promoted(list, "concat");
  if (parts.size() == 1 && axis >= -parts[0].rank() && axis < parts[0].rank()) return parts[0];
  return emit(Op::concat, {{"axis", axis}}, parts, list.at())[0];
}

Tensor stack(const OperandList& list, int axis) {
  Tensors parts = promoted(list, "stack");
  for (const Tensor& t : parts) {
    if (t.shape() == parts[0].shape()) continue;
    throw ShapeError(
        format_error({.op = "stack",
                      .what = fmt::format("shapes differ ({} vs {})", to_string(parts[0].shape()),
                                          to_string(t.shape())),
                      .location = list.at(),
                      .hint = "concatenate joins along an axis that exists"}));
  }
  for (Tensor& t : parts) t = expand_dims({t, list.at()}, {axis});
  return concatenate({parts, list.at()}, axis);
}

Tensors split(const Operand& x, const std::vector<std::int64_t>& sizes, int axis) {
  const Tensor t = x.tensor();
  const TensorList parts = emit(Op::split, {{"axis", axis}, {"sizes", sizes}}, {&t, 1}, x.at());
  return Tensors(parts.begin(), parts.end());
}

Tensors split(const Operand& x, int parts, int axis) {
  const Tensor t = x.tensor();
  const std::int64_t n = axis_size(t, axis);
  if (parts < 1 || n % parts != 0) {
    fail_parts("split",
               fmt::format("{} elements of axis {} do not make {} equal parts", n, axis, parts), t,
               x.at(), "give the sizes, or use chunk for a smaller last part");
  }
  return split({t, x.at()}, std::vector<std::int64_t>(static_cast<std::size_t>(parts), n / parts),
               axis);
}

Tensors chunk(const Operand& x, int parts, int axis) {
  const Tensor t = x.tensor();
  const std::int64_t n = axis_size(t, axis);
  if (parts < 1) fail_parts("chunk", fmt::format("{} parts asked for", parts), t, x.at());
  const std::int64_t each = std::max<std::int64_t>(1, (n + parts - 1) / parts);
  std::vector<std::int64_t> sizes;
  for (std::int64_t at = 0; at < n; at += each) sizes.push_back(std::min(each, n - at));
  if (sizes.empty()) sizes.push_back(0);
  return split({t, x.at()}, sizes, axis);
}

Tensors unstack(const Operand& x, int axis) {
  const Tensor t = x.tensor();
  const std::int64_t n = axis_size(t, axis);
  Tensors parts =
      split({t, x.at()}, std::vector<std::int64_t>(static_cast<std::size_t>(n), 1), axis);
  for (Tensor& p : parts) p = squeeze({p, x.at()}, {axis});
  return parts;
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

SpecList infer_concat(const InferContext& c) {
  if (c.inputs.empty()) c.fail_value("no tensors are given");
  c.expect_same_dtype();
  Shape out = c.inputs[0].shape;
  const int axis = c.axis(c.attrs.integer("axis"), out.rank());
  std::int64_t total = 0;
  for (const Spec& spec : c.inputs) {
    bool fits = spec.shape.rank() == out.rank();
    for (int i = 0; fits && i < out.rank(); ++i) fits = i == axis || spec.shape[i] == out[i];
    if (!fits) {
      c.fail_shape(fmt::format("shapes {} and {} differ beyond axis {}",
                               to_string(c.inputs[0].shape), to_string(spec.shape), axis),
                   "stack joins along a new axis");
    }
    total += spec.shape[axis];
  }
  out.set(axis, total);
  return {{c.inputs[0].dtype, out}};
}

SpecList infer_split(const InferContext& c) {
  c.expect_inputs(1);
  const Shape& in = c.inputs[0].shape;
  const int axis = c.axis(c.attrs.integer("axis"), in.rank());
  const auto& sizes = c.attrs.integers("sizes");
  std::int64_t total = 0;
  SpecList out;
  for (const std::int64_t n : sizes) {
    if (n < 0) c.fail_value(fmt::format("a part of size {} is asked for", n));
    total += n;
    Shape part = in;
    part.set(axis, n);
    out.push_back({c.inputs[0].dtype, part});
  }
  if (total != in[axis]) {
    c.fail_shape(fmt::format("the sizes [{}] add up to {}, axis {} has {}", fmt::join(sizes, ","),
                             total, axis, in[axis]));
  }
  return out;
}

// Copies between the joined array and its parts; `out` says in which direction.
void move_parts(const ReferenceContext& c, const Spec& joined, std::span<const Spec> parts,
                bool join) {
  const std::int64_t axis = c.attrs.integer("axis");
  const AxisView view(joined.shape, axis);
  const auto unit = static_cast<std::size_t>(view.inner) * size_of(joined.dtype);
  const std::size_t row = static_cast<std::size_t>(view.length) * unit;
  std::size_t offset = 0;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const std::size_t bytes =
        static_cast<std::size_t>(AxisView(parts[p].shape, axis).length) * unit;
    for (std::size_t o = 0; bytes > 0 && o < static_cast<std::size_t>(view.outer); ++o) {
      if (join) {
        std::memcpy(c.out_bytes(0) + o * row + offset, c.in_bytes(p) + o * bytes, bytes);
      } else {
        std::memcpy(c.out_bytes(p) + o * bytes, c.in_bytes(0) + o * row + offset, bytes);
      }
    }
    offset += bytes;
  }
}

}  // namespace

const OpDef concat = {
    .name = "concat",
    .infer = infer_concat,
    .vjp = [](G c) -> L {
      const std::int64_t axis = c.attrs.integer("axis");
      std::vector<std::int64_t> sizes;
      for (const Tensor& t : c.inputs) sizes.push_back(AxisView(t.shape(), axis).length);
      const Tensors parts = nacre::split(c.ct(), sizes, static_cast<int>(axis));
      return L(std::span<const Tensor>(parts));
    },
    .reference = [](const ReferenceContext& c) { move_parts(c, c.out_specs[0], c.in_specs, true); },
    .onnx = "Concat",
    .samples = []() -> std::vector<Sample> {
      return {
          {.inputs = {{{f32, {3, 7}}}, {{f32, {2, 7}}}}, .attrs = {{"axis", 0}}},
          {.inputs = {{{f32, {3, 5}}}, {{f32, {3, 1}}}, {{f32, {3, 33}}}}, .attrs = {{"axis", -1}}},
          {.inputs = {{{f64, {2, 3, 4}}}, {{f64, {2, 0, 4}}}, {{f64, {2, 5, 4}}}},
           .attrs = {{"axis", 1}}},
          {.inputs = {{{f32, {1031}}}}, .attrs = {{"axis", 0}}},
          {.inputs = {{{u8, {3, 2}}, 0, 9, Fill::integers}, {{u8, {3, 2}}, 0, 9, Fill::integers}},
           .attrs = {{"axis", 1}},
           .check_gradient = false}};
    },
};

const OpDef split = {
    .name = "split",
    .infer = infer_split,
    .vjp = [](G c) -> L {
      Tensors parts;
      for (std::size_t i = 0; i < c.outputs.size(); ++i) parts.push_back(c.ct(i));
      return {nacre::concatenate(parts, static_cast<int>(c.attrs.integer("axis")))};
    },
    .reference =
        [](const ReferenceContext& c) { move_parts(c, c.in_specs[0], c.out_specs, false); },
    .onnx = "Split",
    .samples = []() -> std::vector<Sample> {
      using I = std::vector<std::int64_t>;
      return {{.inputs = {{{f32, {5, 7}}}}, .attrs = {{"axis", 0}, {"sizes", I{2, 3}}}},
              {.inputs = {{{f32, {3, 65}}}}, .attrs = {{"axis", -1}, {"sizes", I{1, 0, 33, 31}}}},
              {.inputs = {{{f64, {2, 6, 3}}}}, .attrs = {{"axis", 1}, {"sizes", I{2, 2, 2}}}},
              {.inputs = {{{i32, {4, 2}}, 0, 9, Fill::integers}},
               .attrs = {{"axis", 0}, {"sizes", I{4}}},
               .check_gradient = false}};
    },
};

}  // namespace op_defs
}  // namespace nacre
