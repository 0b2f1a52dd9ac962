// triangle {lower, diagonal}, and the diagonals, which are slices of the flattened matrix.
#include "nacre/ops/shape/triangular.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/rearrange.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

Tensor triangle(const Operand& x, bool lower, int diagonal) {
  return emit_one(Op::triangle, {{"lower", lower}, {"diagonal", diagonal}}, {x.tensor()}, x.at());
}

// A diagonal of an [rows, columns] matrix as a range of its flattened elements.
SliceRange diagonal_range(std::int64_t rows, std::int64_t columns, std::int64_t offset) {
  const std::int64_t row = std::max<std::int64_t>(0, -offset);
  const std::int64_t column = std::max<std::int64_t>(0, offset);
  const std::int64_t size = std::min(rows - row, columns - column);
  if (size <= 0) return {0, 0, 1};
  return {row * columns + column, size, size == 1 ? 1 : columns + 1};
}

// All of the leading axes and then one range.
std::vector<SliceRange> with_whole_lead(const Shape& shape, const SliceRange& last) {
  std::vector<SliceRange> ranges;
  for (int i = 0; i + 1 < shape.rank(); ++i) ranges.push_back({0, shape[i], 1});
  ranges.push_back(last);
  return ranges;
}

}  // namespace

Tensor tril(const Operand& x, int diagonal) { return triangle(x, true, diagonal); }
Tensor triu(const Operand& x, int diagonal) { return triangle(x, false, diagonal); }

Tensor diagonal(const Operand& x, int offset, int axis1, int axis2) {
  const Tensor t = x.tensor();
  if (t.rank() < 2) {
    throw ShapeError(format_error({.op = "diagonal",
                                   .what = "a matrix expected",
                                   .inputs = "input " + to_string(t.spec()),
                                   .location = x.at(),
                                   .hint = "diag makes a matrix of a vector"}));
  }
  const Tensor last = moveaxis({t, x.at()}, {axis1, axis2}, {-2, -1});
  const std::int64_t rows = last.size(-2);
  const std::int64_t columns = last.size(-1);
  const Tensor flat = flatten({last, x.at()}, -2, -1);
  return slice_ranges({flat, x.at()},
                      with_whole_lead(flat.shape(), diagonal_range(rows, columns, offset)));
}

Tensor diagonal_embed(const Operand& x, int offset) {
  const Tensor t = x.tensor();
  if (t.rank() < 1) {
    throw ShapeError(format_error({.op = "diagonal_embed",
                                   .what = "at least one axis expected",
                                   .inputs = "input " + to_string(t.spec()),
                                   .location = x.at()}));
  }
  const std::int64_t n = t.size(-1) + std::abs(static_cast<std::int64_t>(offset));
  std::vector<std::int64_t> dims(t.shape().begin(), t.shape().end() - 1);
  dims.push_back(n * n);
  const Shape flat(dims);
  dims.back() = n;
  dims.push_back(n);
  const Tensor base = full_beside({t, x.at()}, {t.dtype(), flat}, 0);
  return reshape({slice_update({base, x.at()}, {t, x.at()},
                               with_whole_lead(flat, diagonal_range(n, n, offset))),
                  x.at()},
                 Shape(dims));
}

Tensor diag(const Operand& x, int offset) {
  const Tensor t = x.tensor();
  if (t.rank() == 1) return diagonal_embed({t, x.at()}, offset);
  if (t.rank() == 2) return diagonal({t, x.at()}, offset);
  throw ShapeError(format_error({.op = "diag",
                                 .what = "a vector or a matrix expected",
                                 .inputs = "input " + to_string(t.spec()),
                                 .location = x.at(),
                                 .hint = "diagonal and diagonal_embed take batches"}));
}

Tensor trace(const Operand& x, int offset, int axis1, int axis2) {
  return sum({diagonal(x, offset, axis1, axis2), x.at()}, {-1});
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

}  // namespace

const OpDef triangle = {
    .name = "triangle",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      if (c.inputs[0].shape.rank() < 2) {
        c.fail_shape(fmt::format("a matrix expected, rank {} given", c.inputs[0].shape.rank()));
      }
      return {c.inputs[0]};
    },
    .vjp = [](G c) -> L { return {emit_one(Op::triangle, c.attrs, {c.ct()}, {})}; },
    .reference =
        [](const ReferenceContext& c) {
          const bool lower = c.attrs.flag("lower");
          const std::int64_t shift = c.attrs.integer("diagonal");
          const std::int64_t rows = c.in_shape().at_back(-2);
          const std::int64_t columns = c.in_shape().at_back(-1);
          const auto size = static_cast<std::int64_t>(size_of(c.out_specs[0].dtype));
          const std::int64_t lines = rows * columns > 0 ? c.in_shape().elements() / columns : 0;
          for (std::int64_t i = 0; i < lines; ++i) {
            // Elements first..last-1 of the line stay.
            const std::int64_t edge = i % rows + shift;
            const std::int64_t first = lower ? 0 : std::clamp<std::int64_t>(edge, 0, columns);
            const std::int64_t last =
                lower ? std::clamp<std::int64_t>(edge + 1, 0, columns) : columns;
            char* to = c.out_bytes(0) + i * columns * size;
            const char* from = c.in_bytes(0) + i * columns * size;
            std::memset(to, 0, static_cast<std::size_t>(first * size));
            std::memmove(to + first * size, from + first * size,
                         static_cast<std::size_t>((last - first) * size));
            std::memset(to + last * size, 0, static_cast<std::size_t>((columns - last) * size));
          }
        },
    .onnx = "Trilu",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, bool lower, int diagonal) {
        return Sample{.inputs = {{spec}}, .attrs = {{"lower", lower}, {"diagonal", diagonal}}};
      };
      return {sample({f32, {5, 7}}, true, 0), sample({f32, {33, 17}}, false, -2),
              sample({f64, {2, 4, 3}}, false, 1), sample({f32, {3, 3}}, true, 5),
              Sample{.inputs = {{{i32, {4, 4}}, -9, 9, Fill::integers}},
                     .attrs = {{"lower", false}, {"diagonal", 1}},
                     .check_gradient = false}};
    },
};

}  // namespace op_defs
}  // namespace nacre
