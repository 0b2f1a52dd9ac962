// gather {axis}, take_along_axis {axis}, gather_nd: their gradients are the ops of scatter.cpp.
#include "nacre/ops/index/gather.h"

#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/indexed.h"
#include "nacre/ops/index/scatter.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

// The indices as they are; whole numbers given as such become i64.
Tensor index_tensor(const Operand& indices) { return indices.tensor(i64); }

}  // namespace

Tensor gather(const Operand& x, const Operand& indices, int axis) {
  return emit_one(Op::gather, {{"axis", axis}}, {x.tensor(), index_tensor(indices)}, x.at());
}

Tensor index_select(const Operand& x, const Operand& indices, int axis) {
  const Tensor i = index_tensor(indices);
  if (i.rank() != 1) {
    throw ShapeError(format_error(
        {.op = "index_select",
         .what = "a vector of indices expected",
         .inputs = "input " + to_string(x.tensor().spec()) + ", indices " + to_string(i.spec()),
         .location = x.at(),
         .hint = "gather takes indices of any shape"}));
  }
  return gather(x, {i, x.at()}, axis);
}

Tensor take_along_axis(const Operand& x, const Operand& indices, int axis) {
  Tensor t = x.tensor();
  Tensor i = index_tensor(indices);
  broadcast_beside_axis(t, i, axis, x.at());
  return emit_one(Op::take_along_axis, {{"axis", axis}}, {t, i}, x.at());
}

Tensor gather_nd(const Operand& x, const Operand& indices) {
  return emit_one(Op::gather_nd, {x.tensor(), index_tensor(indices)}, x.at());
}

Tensor embedding(const Operand& table, const Operand& indices, const EmbeddingOptions& options) {
  const Tensor rows = table.tensor();
  const Tensor i = index_tensor(indices);
  if (rows.rank() != 2) {
    throw ShapeError(format_error(
        {.op = "embedding",
         .what = fmt::format("a table of rank 2 expected, rank {} given", rows.rank()),
         .inputs = "table " + to_string(rows.spec()) + ", indices " + to_string(i.spec()),
         .location = table.at()}));
  }
  const Tensor out =
      emit_one(Op::gather, {{"axis", std::int64_t{0}}, {"rows", true}}, {rows, i}, table.at());
  if (!options.padding_index) return out;
  const std::int64_t n = rows.shape()[0];
  const std::int64_t padding = *options.padding_index;
  if (padding < -n || padding >= n) {
    throw ValueError(format_error(
        {.op = "embedding",
         .what = fmt::format("padding index {} is out of range for {} rows", padding, n),
         .inputs = "table " + to_string(rows.spec()),
         .location = table.at()}));
  }
  const std::int64_t row = padding < 0 ? padding + n : padding;
  const Tensor is_padding = expand_dims(equal({i, table.at()}, row), {-1});
  return where({is_padding, table.at()}, stop_gradient({out, table.at()}), {out, table.at()});
}

namespace op_defs {

namespace {
// "[1,0]": element `flat` of an array of that shape.
std::string place_text(const Shape& shape, std::int64_t flat) {
  std::string place;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    place = std::to_string(flat % shape[i]) + (place.empty() ? "" : ",") + place;
    flat /= shape[i];
  }
  return "[" + place + "]";
}
}  // namespace

void fail_index(std::string_view op, std::int64_t value, const Shape& indices, std::int64_t flat,
                int axis, std::int64_t size) {
  throw ValueError(format_error(
      {.op = op,
       .what = fmt::format(
           "index {} at position {} of the indices is out of range for axis {} of size {}", value,
           place_text(indices, flat), axis, size),
       .hint = size > 0 ? fmt::format("indices from {} to {} exist", -size, size - 1)
                        : "the axis has no elements"}));
}

void fail_class(std::string_view op, std::int64_t value, const Shape& indices, std::int64_t flat,
                std::int64_t size, bool negative) {
  const std::string_view what = op == "embedding" ? "rows" : "classes";
  throw ValueError(format_error(
      {.op = op,
       .what = fmt::format("index {} at position {} of the indices is out of range for {} {}",
                           value, place_text(indices, flat), size, what),
       .hint = size > 0 ? fmt::format("indices from {} to {} exist", negative ? -size : 0, size - 1)
                        : fmt::format("there are no {}", what)}));
}

Shape gathered_shape(const InferContext& c, Addressing how, std::size_t input) {
  const Shape& x = c.inputs[0].shape;
  const Spec& indices = c.inputs[input];
  if (!is_integral(indices.dtype)) {
    c.fail_dtype(fmt::format("indices are integers, {} given", name_of(indices.dtype)),
                 indices.dtype == boolean ? "a mask of booleans goes into index({mask}) or where"
                                          : "convert them with x.to(nacre::i64)");
  }
  Shape out;
  if (how == Addressing::nd) {
    const std::int64_t depth = indices.shape.rank() > 0 ? indices.shape.at_back(-1) : -1;
    if (depth < 0 || depth > x.rank()) {
      c.fail_shape(
          fmt::format("the last axis of the indices must hold 0 to {} coordinates", x.rank()));
    }
    for (int i = 0; i + 1 < indices.shape.rank(); ++i) out.push_back(indices.shape[i]);
    for (int i = static_cast<int>(depth); i < x.rank(); ++i) out.push_back(x[i]);
    return out;
  }
  const int axis = c.axis(c.attrs.integer("axis"), x.rank());
  if (how == Addressing::along) {
    bool fits = indices.shape.rank() == x.rank();
    for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || indices.shape[i] == x[i];
    if (!fits) {
      c.fail_shape(fmt::format("shapes {} and {} differ beyond axis {}", to_string(x),
                               to_string(indices.shape), axis),
                   "gather takes the same indices for every row");
    }
    return indices.shape;
  }
  for (int i = 0; i < axis; ++i) out.push_back(x[i]);
  for (const std::int64_t n : indices.shape) out.push_back(n);
  for (int i = axis + 1; i < x.rank(); ++i) out.push_back(x[i]);
  return out;
}

namespace {

using G = const VjpContext&;
using L = TensorList;

template <Addressing how>
SpecList infer_gather(const InferContext& c) {
  c.expect_inputs(2);
  return {{c.inputs[0].dtype, gathered_shape(c, how, 1)}};
}

template <Addressing how, Op op>
void reference_gather(const ReferenceContext& c) {
  const auto size = static_cast<std::int64_t>(size_of(c.out_specs[0].dtype));
  for_each_slab(name_of(op), how, c.attrs, c.in_shape(0), c.in_specs[1], c.in[1],
                [&](std::int64_t to, std::int64_t from, std::int64_t n) {
                  if (n > 0) {
                    std::memcpy(c.out_bytes(0) + to * size, c.in_bytes(0) + from * size,
                                static_cast<std::size_t>(n * size));
                  }
                });
}

template <Op scatter_op>
L vjp_gather(G c) {
  return {emit_one(scatter_op, c.attrs.with("reduce", std::string("add")),
                   {zeros_like(c.in(0)), c.in(1), c.ct()}, {}),
          Tensor()};
}

Sample gather_sample(Spec x, Spec indices, double size, Attrs attrs = {}) {
  const bool number = is_floating(x.dtype);
  return {.inputs = {{x, -9, 9, number ? Fill::uniform : Fill::integers},
                     {indices, indices.dtype == u8 ? 0 : -size, size, Fill::integers}},
          .attrs = attrs,
          .check_gradient = number};
}

}  // namespace

const OpDef gather = {
    .name = "gather",
    .infer = infer_gather<Addressing::axis>,
    .vjp = vjp_gather<Op::scatter>,
    .reference = reference_gather<Addressing::axis, Op::gather>,
    .onnx = "Gather",
    .samples = []() -> std::vector<Sample> {
      return {gather_sample({f32, {5, 7}}, {i64, {9}}, 5, {{"axis", 0}}),
              gather_sample({f32, {9, 33}}, {i32, {2, 3}}, 9, {{"axis", 0}}),
              gather_sample({f64, {2, 5, 3}}, {u8, {4}}, 5, {{"axis", 1}}),
              gather_sample({f32, {4, 6}}, {i64, {}}, 6, {{"axis", -1}}),
              gather_sample({i8, {6}}, {i64, {17}}, 6, {{"axis", 0}})};
    },
};

const OpDef take_along_axis = {
    .name = "take_along_axis",
    .infer = infer_gather<Addressing::along>,
    .vjp = vjp_gather<Op::put_along_axis>,
    .reference = reference_gather<Addressing::along, Op::take_along_axis>,
    .onnx = "GatherElements",
    .samples = []() -> std::vector<Sample> {
      return {gather_sample({f32, {3, 7}}, {i64, {3, 5}}, 7, {{"axis", 1}}),
              gather_sample({f64, {5, 2, 3}}, {i32, {4, 2, 3}}, 5, {{"axis", 0}}),
              gather_sample({f32, {2, 5, 3}}, {i64, {2, 9, 3}}, 5, {{"axis", -2}}),
              gather_sample({i64, {9}}, {i64, {4}}, 9, {{"axis", 0}})};
    },
};

const OpDef gather_nd = {
    .name = "gather_nd",
    .infer = infer_gather<Addressing::nd>,
    .vjp = vjp_gather<Op::scatter_nd>,
    .reference = reference_gather<Addressing::nd, Op::gather_nd>,
    .onnx = "GatherND",
    .samples = []() -> std::vector<Sample> {
      return {gather_sample({f32, {3, 7}}, {i64, {5, 2}}, 3),
              gather_sample({f64, {4, 3, 5}}, {i64, {2, 3, 1}}, 4),
              gather_sample({f32, {3, 4, 5}}, {i32, {6, 2}}, 3),
              gather_sample({u8, {5, 5}}, {i64, {2}}, 5)};
    },
};

}  // namespace op_defs
}  // namespace nacre
