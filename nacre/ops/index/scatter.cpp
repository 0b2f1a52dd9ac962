// scatter {axis, reduce}, put_along_axis {axis, reduce}, scatter_nd {reduce}: (x, indices, updates)
// to x with the updates merged in.
#include "nacre/ops/index/scatter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/gather.h"
#include "nacre/ops/index/indexed.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

constexpr std::string_view kModes[] = {"set", "add", "max", "min"};
std::string text_of(ScatterMode mode) {
  return std::string(kModes[static_cast<std::size_t>(mode)]);
}

// Emits a scatter op; the updates are brought to x's dtype and, where that is possible, to the
// shape that `shape` says; the op reports what does not fit.
Tensor emit_scatter(Op op, const Attrs& attrs, const Tensor& x, const Tensor& indices,
                    const Operand& updates, const Shape& shape) {
  Tensor u = cast({updates.tensor(x.dtype()), updates.at()}, x.dtype());
  Shape both;
  if (broadcast_shapes(u.shape(), shape, both) && both == shape) {
    u = broadcast_to({u, updates.at()}, shape);
  }
  return emit_one(op, attrs, {x, indices, u}, updates.at());
}

Shape replaced(const Shape& x, int first, int last, const Shape& middle) {
  std::vector<std::int64_t> dims(x.begin(), x.begin() + first);
  dims.insert(dims.end(), middle.begin(), middle.end());
  dims.insert(dims.end(), x.begin() + last, x.end());
  return Shape(dims);
}

}  // namespace

void broadcast_beside_axis(Tensor& x, Tensor& indices, int axis, const Location& at) {
  const int rank = x.rank();
  if (rank == 0 || indices.rank() != rank || axis < -rank || axis >= rank) return;
  const int a = axis < 0 ? axis + rank : axis;
  Shape of_x = x.shape();
  Shape of_indices = indices.shape();
  for (int i = 0; i < rank; ++i) {
    if (i == a) continue;
    if (of_x[i] == 1) of_x.set(i, of_indices[i]);
    if (of_indices[i] == 1) of_indices.set(i, of_x[i]);
  }
  x = broadcast_to({x, at}, of_x);
  indices = broadcast_to({indices, at}, of_indices);
}

Tensor scatter(const Operand& x, const Operand& indices, const Operand& updates, int axis,
               ScatterMode mode) {
  const Tensor t = x.tensor();
  const Tensor i = indices.tensor(i64);
  const int a = axis < 0 ? axis + t.rank() : axis;
  const bool exists = a >= 0 && a < t.rank();
  return emit_scatter(Op::scatter, {{"axis", axis}, {"reduce", text_of(mode)}}, t, i,
                      {updates.tensor(t.dtype()), x.at()},
                      exists ? replaced(t.shape(), a, a + 1, i.shape()) : Shape{});
}

Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates, int axis) {
  return scatter(x, indices, updates, axis, ScatterMode::add);
}

Tensor put_along_axis(const Operand& x, const Operand& indices, const Operand& updates, int axis,
                      ScatterMode mode) {
  const Tensor t = x.tensor();
  Tensor i = indices.tensor(i64);
  Shape shape = t.shape();
  const int a = axis < 0 ? axis + t.rank() : axis;
  if (i.rank() == t.rank() && a >= 0 && a < t.rank()) {
    shape.set(a, i.shape()[a]);
    Shape both;
    if (broadcast_shapes(i.shape(), shape, both) && both == shape) {
      i = broadcast_to({i, x.at()}, shape);
    }
  }
  return emit_scatter(Op::put_along_axis, {{"axis", axis}, {"reduce", text_of(mode)}}, t, i,
                      {updates.tensor(t.dtype()), x.at()}, i.shape());
}

Tensor scatter_nd(const Operand& x, const Operand& indices, const Operand& updates,
                  ScatterMode mode) {
  const Tensor t = x.tensor();
  const Tensor i = indices.tensor(i64);
  const std::int64_t depth = i.rank() > 0 ? i.shape().at_back(-1) : 0;
  Shape shape;
  if (i.rank() > 0 && depth <= t.rank()) {
    const std::span<const std::int64_t> lead(i.shape().begin(),
                                             static_cast<std::size_t>(i.rank() - 1));
    shape = replaced(t.shape(), 0, static_cast<int>(depth), Shape(lead));
  }
  return emit_scatter(Op::scatter_nd, {{"reduce", text_of(mode)}}, t, i,
                      {updates.tensor(t.dtype()), x.at()}, shape);
}

Tensor masked_fill(const Operand& x, const Operand& mask, const Operand& value) {
  return where(mask, value, x);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

template <Addressing how>
SpecList infer_scatter(const InferContext& c) {
  c.expect_inputs(3);
  const Shape expected = gathered_shape(c, how, 1);
  if (c.inputs[2].dtype != c.inputs[0].dtype) {
    c.fail_dtype(fmt::format("the updates are {}, the tensor {}", name_of(c.inputs[2].dtype),
                             name_of(c.inputs[0].dtype)),
                 "convert them with x.to(dtype)");
  }
  if (!(c.inputs[2].shape == expected)) {
    c.fail_shape(fmt::format("updates of shape {} expected, {} given", to_string(expected),
                             to_string(c.inputs[2].shape)));
  }
  const std::string& mode = c.attrs.text("reduce");
  if (std::find(std::begin(kModes), std::end(kModes), mode) == std::end(kModes)) {
    c.fail_value(fmt::format("unknown mode \"{}\"", mode), "set, add, max or min");
  }
  if (mode != "set" && c.inputs[0].dtype == boolean) {
    c.fail_dtype("booleans can only be set", "convert them with x.to(nacre::i32)");
  }
  return {c.inputs[0]};
}

// Merges the updates into `values`, which holds x, in order.
template <Addressing how, Op op, class T>
void merge(const ReferenceContext& c, T* values, const T* updates) {
  const std::string& mode = c.attrs.text("reduce");
  const auto each = [&](auto combine) {
    for_each_slab(name_of(op), how, c.attrs, c.in_shape(0), c.in_specs[1], c.in[1],
                  [&](std::int64_t from, std::int64_t to, std::int64_t n) {
                    for (std::int64_t k = 0; k < n; ++k) {
                      values[to + k] = combine(values[to + k], updates[from + k]);
                    }
                  });
  };
  if (mode == "set") each([](T, T b) { return b; });
  if constexpr (!std::is_same_v<T, bool>) {
    if (mode == "add") each([](T a, T b) { return static_cast<T>(a + b); });
    if (mode == "max") each([](T a, T b) { return a < b || b != b ? b : a; });
    if (mode == "min") each([](T a, T b) { return b < a || b != b ? b : a; });
  }
}

// Integers exactly in their own type, floats in double.
template <Addressing how, Op op>
void reference_scatter(const ReferenceContext& c) {
  if (is_floating(c.out_specs[0].dtype)) {
    std::vector<double> values = c.load(0);
    merge<how, op>(c, values.data(), c.load(2).data());
    c.store(0, values);
    return;
  }
  const std::size_t bytes = c.out_specs[0].bytes();
  if (bytes > 0 && c.out[0] != c.in[0]) std::memcpy(c.out[0], c.in[0], bytes);
  visit_dtype(c.out_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      merge<how, op>(c, static_cast<T*>(c.out[0]), static_cast<const T*>(c.in[2]));
    }
  });
}

template <Op gather_op, Op scatter_op>
L vjp_scatter(G c) {
  const std::string& mode = c.attrs.text("reduce");
  const Tensor& indices = c.in(1);
  const Tensor ct = c.ct();
  const auto read = [&](const Tensor& t) { return emit_one(gather_op, c.attrs, {t, indices}, {}); };
  const auto write = [&](const Tensor& t, const Tensor& updates, const char* how) {
    return emit_one(scatter_op, c.attrs.with("reduce", std::string(how)), {t, indices, updates},
                    {});
  };
  if (mode == "add") return {ct, Tensor(), c.wanted[2] ? read(ct) : Tensor()};
  if (mode == "set") {
    Tensor of_updates;
    if (c.wanted[2]) {
      // Of several updates to one place only the last was kept: write their numbers to see which.
      const Tensor numbers = nacre::reshape(arange(c.in(2).elements()), c.in(2).shape());
      const Tensor kept = read(write(full_beside(ct, {i64, c.in(0).shape()}, 0), numbers, "set"));
      of_updates = nacre::where(nacre::equal(kept, numbers), read(ct), 0);
    }
    return {c.wanted[0] ? write(ct, zeros_like(c.in(2)), "set") : Tensor(), Tensor(), of_updates};
  }
  const DType dtype = ct.dtype();
  const Tensor x_hit = nacre::cast(nacre::equal(c.in(0), c.out()), dtype);
  const Tensor update_hit = nacre::cast(nacre::equal(c.in(2), read(c.out())), dtype);
  const Tensor share = ct / write(x_hit, update_hit, "add");
  return {share * x_hit, Tensor(), read(share) * update_hit};
}

Sample scatter_sample(Spec x, Spec indices, Shape updates, double size, Attrs attrs) {
  const bool number = is_floating(x.dtype);
  const Fill fill = !number ? Fill::integers
                    : attrs.text("reduce") == "max" || attrs.text("reduce") == "min"
                        ? Fill::distinct
                        : Fill::uniform;
  return {.inputs = {{x, -9, 9, fill},
                     {indices, -size, size, Fill::integers},
                     {{x.dtype, updates}, -8.97, 9.03, fill}},
          .attrs = attrs,
          .check_gradient = number};
}

}  // namespace

const OpDef scatter = {
    .name = "scatter",
    .infer = infer_scatter<Addressing::axis>,
    .vjp = vjp_scatter<Op::gather, Op::scatter>,
    .reference = reference_scatter<Addressing::axis, Op::scatter>,
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](int axis, std::string mode) {
        return Attrs{{"axis", axis}, {"reduce", std::move(mode)}};
      };
      return {scatter_sample({f32, {5, 7}}, {i64, {4}}, {4, 7}, 5, attrs(0, "set")),
              scatter_sample({f32, {5, 33}}, {i64, {9}}, {9, 33}, 5, attrs(0, "add")),
              scatter_sample({f64, {2, 5, 3}}, {i32, {2, 2}}, {2, 2, 2, 3}, 5, attrs(1, "add")),
              scatter_sample({f32, {3, 4}}, {i64, {}}, {3}, 4, attrs(-1, "set")),
              scatter_sample({f32, {4, 3}}, {i64, {3}}, {3, 3}, 4, attrs(0, "max")),
              scatter_sample({f32, {4, 3}}, {i64, {3}}, {3, 3}, 4, attrs(0, "min")),
              scatter_sample({i64, {6}}, {i64, {9}}, {9}, 6, attrs(0, "add")),
              scatter_sample({i8, {6}}, {i64, {9}}, {9}, 6, attrs(0, "min"))};
    },
};

const OpDef put_along_axis = {
    .name = "put_along_axis",
    .infer = infer_scatter<Addressing::along>,
    .vjp = vjp_scatter<Op::take_along_axis, Op::put_along_axis>,
    .reference = reference_scatter<Addressing::along, Op::put_along_axis>,
    .onnx = "ScatterElements",
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](int axis, std::string mode) {
        return Attrs{{"axis", axis}, {"reduce", std::move(mode)}};
      };
      return {scatter_sample({f32, {3, 7}}, {i64, {3, 4}}, {3, 4}, 7, attrs(1, "set")),
              scatter_sample({f64, {5, 2, 3}}, {i32, {4, 2, 3}}, {4, 2, 3}, 5, attrs(0, "add")),
              scatter_sample({f32, {2, 5, 3}}, {i64, {2, 9, 3}}, {2, 9, 3}, 5, attrs(-2, "max")),
              scatter_sample({u8, {9}}, {i64, {4}}, {4}, 9, attrs(0, "max"))};
    },
};

const OpDef scatter_nd = {
    .name = "scatter_nd",
    .infer = infer_scatter<Addressing::nd>,
    .vjp = vjp_scatter<Op::gather_nd, Op::scatter_nd>,
    .reference = reference_scatter<Addressing::nd, Op::scatter_nd>,
    .onnx = "ScatterND",
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](std::string mode) { return Attrs{{"reduce", std::move(mode)}}; };
      return {scatter_sample({f32, {3, 7}}, {i64, {5, 2}}, {5}, 3, attrs("set")),
              scatter_sample({f64, {4, 3, 5}}, {i64, {2, 3, 1}}, {2, 3, 3, 5}, 4, attrs("add")),
              scatter_sample({f32, {3, 4, 5}}, {i32, {6, 2}}, {6, 5}, 3, attrs("min")),
              scatter_sample({i32, {5, 5}}, {i64, {7, 2}}, {7}, 5, attrs("add"))};
    },
};

}  // namespace op_defs
}  // namespace nacre
