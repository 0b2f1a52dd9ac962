// reshape, transpose, broadcast_to, and the functions that are a reshape.
#include "nacre/ops/shape/movement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/reduce/reduce.h"

namespace nacre {

Tensor reshape(const Operand& x, const std::vector<std::int64_t>& dims) {
  return emit_one(Op::reshape, {{"shape", dims}}, {x.tensor()}, x.at());
}
Tensor reshape(const Operand& x, std::initializer_list<std::int64_t> dims) {
  return reshape(x, std::vector<std::int64_t>(dims));
}
Tensor reshape(const Operand& x, const Shape& shape) {
  const Tensor t = x.tensor();
  return t.shape() == shape ? t : reshape({t, x.at()}, shape.to_vector());
}

Tensor transpose(const Operand& x, const Axes& axes) {
  const Tensor t = x.tensor();
  std::vector<std::int64_t> order(axes.begin(), axes.end());
  if (axes.empty()) {
    for (int i = t.rank() - 1; i >= 0; --i) order.push_back(i);
  }
  return emit_one(Op::transpose, {{"axes", order}}, {t}, x.at());
}

Tensor broadcast_to(const Operand& x, const Shape& shape) {
  const Tensor t = x.tensor();
  if (t.shape() == shape) return t;
  return emit_one(Op::broadcast_to, {{"shape", shape.to_vector()}}, {t}, x.at());
}

Tensor expand_dims(const Operand& x, const Axes& axes) {
  const Tensor t = x.tensor();
  const int rank = t.rank() + static_cast<int>(axes.size());
  std::vector<std::int64_t> dims(static_cast<std::size_t>(std::max(0, rank)), 0);
  for (const int a : axes) {
    const int at = a < 0 ? a + rank : a;
    if (at < 0 || at >= rank || dims[static_cast<std::size_t>(at)] == 1) {
      throw ValueError(
          format_error({.op = "expand_dims",
                        .what = fmt::format("axis {} is out of range or given twice", a),
                        .inputs = "input " + to_string(t.spec()),
                        .location = x.at()}));
    }
    dims[static_cast<std::size_t>(at)] = 1;
  }
  int next = 0;
  for (std::int64_t& d : dims) {
    if (d == 0) d = t.shape()[next++];
  }
  return reshape({t, x.at()}, Shape(dims));
}

Tensor squeeze(const Operand& x, const Axes& axes) {
  const Tensor t = x.tensor();
  for (const int a : axes) {
    if (a < -t.rank() || a >= t.rank()) {
      throw ShapeError(
          format_error({.op = "squeeze",
                        .what = fmt::format("axis {} is out of range for rank {}", a, t.rank()),
                        .inputs = "input " + to_string(t.spec()),
                        .location = x.at()}));
    }
  }
  Shape out;
  for (int i = 0; i < t.rank(); ++i) {
    const bool named = axes.empty() || std::any_of(axes.begin(), axes.end(), [&](int a) {
                         return (a < 0 ? a + t.rank() : a) == i;
                       });
    if (named && !axes.empty() && t.shape()[i] != 1) {
      throw ShapeError(
          format_error({.op = "squeeze",
                        .what = fmt::format("axis {} has size {}, not 1", i, t.shape()[i]),
                        .inputs = "input " + to_string(t.spec()),
                        .location = x.at()}));
    }
    if (!named || t.shape()[i] != 1) out.push_back(t.shape()[i]);
  }
  return reshape({t, x.at()}, out);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

// Writes the output densely from an input read by `strides`, one an output axis.
void read_strided(const ReferenceContext& c, const Strides& strides) {
  copy_strided(c.out_shape(), size_of(c.out_specs[0].dtype), c.in[0], strides, c.out[0],
               row_major_strides(c.out_shape()));
}

std::vector<int> inverse_permutation(const std::vector<std::int64_t>& axes) {
  const auto rank = static_cast<std::int64_t>(axes.size());
  std::vector<int> inverse(axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    inverse[static_cast<std::size_t>(axes[i] < 0 ? axes[i] + rank : axes[i])] = static_cast<int>(i);
  }
  return inverse;
}

}  // namespace

const OpDef reshape = {
    .name = "reshape",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      std::vector<std::int64_t> dims = c.attrs.integers("shape");
      const std::int64_t n = c.inputs[0].elements();
      std::int64_t known = 1;
      int unknown = -1;
      for (std::size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == -1) {
          if (unknown >= 0) c.fail_value("more than one dimension is -1");
          unknown = static_cast<int>(i);
        } else {
          known *= dims[i];
        }
      }
      if (unknown >= 0 && known > 0 && n % known == 0) {
        dims[static_cast<std::size_t>(unknown)] = n / known;
        known = n;
      }
      if (known != n || (unknown >= 0 && dims[static_cast<std::size_t>(unknown)] < 0)) {
        c.fail_shape(fmt::format("{} elements do not fit shape [{}]", n, fmt::join(dims, ",")));
      }
      return {{c.inputs[0].dtype, Shape(dims)}};
    },
    .vjp = [](G c) -> L { return {nacre::reshape(c.ct(), c.in(0).shape())}; },
    .reference =
        [](const ReferenceContext& c) {
          if (c.out_specs[0].bytes()) std::memcpy(c.out[0], c.in[0], c.out_specs[0].bytes());
        },
    .onnx = "Reshape",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, std::vector<std::int64_t> shape) {
        return Sample{.inputs = {{spec}}, .attrs = {{"shape", shape}}};
      };
      return {sample({f32, {3, 7}}, {21}), sample({f64, {2, 3, 4}}, {-1, 4}),
              sample({f32, {1}}, {}), sample({i32, {6}}, {2, 3})};
    },
    .is_view = true,
};

const OpDef transpose = {
    .name = "transpose",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      const Shape& in = c.inputs[0].shape;
      const auto& axes = c.attrs.integers("axes");
      if (static_cast<int>(axes.size()) != in.rank()) {
        c.fail_value(fmt::format("{} axes given for rank {}", axes.size(), in.rank()));
      }
      Shape out;
      for (const std::int64_t a : axes) out.push_back(in[c.axis(a, in.rank())]);
      static_cast<void>(c.axes(axes, in.rank()));  // refuses an axis given twice
      return {{c.inputs[0].dtype, out}};
    },
    .vjp = [](G c) -> L {
      return {nacre::transpose(c.ct(), inverse_permutation(c.attrs.integers("axes")))};
    },
    .reference =
        [](const ReferenceContext& c) {
          const auto in_strides = row_major_strides(c.in_shape());
          const auto& axes = c.attrs.integers("axes");
          Strides strides{};
          for (std::size_t i = 0; i < axes.size(); ++i) {
            strides[i] = in_strides[static_cast<std::size_t>(
                axes[i] < 0 ? axes[i] + c.in_shape().rank() : axes[i])];
          }
          read_strided(c, strides);
        },
    .onnx = "Transpose",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, std::vector<std::int64_t> axes) {
        return Sample{.inputs = {{spec}}, .attrs = {{"axes", axes}}};
      };
      return {sample({f32, {3, 7}}, {1, 0}), sample({f32, {33, 65}}, {1, 0}),
              sample({f64, {2, 3, 5}}, {2, 0, 1}), sample({f32, {2, 3, 4, 5}}, {0, 2, 3, 1}),
              sample({u8, {3, 5}}, {-1, 0})};
    },
};

const OpDef broadcast_to = {
    .name = "broadcast_to",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      const Shape to(c.attrs.integers("shape"));
      Shape both;
      if (!broadcast_shapes(c.inputs[0].shape, to, both) || !(both == to)) {
        c.fail_shape(fmt::format("{} does not broadcast to {}", to_string(c.inputs[0].shape),
                                 to_string(to)));
      }
      return {{c.inputs[0].dtype, to}};
    },
    .vjp = [](G c) -> L { return {sum_to(c.ct(), c.in(0).shape())}; },
    .reference =
        [](const ReferenceContext& c) {
          const auto in_strides = row_major_strides(c.in_shape());
          const int lead = c.out_shape().rank() - c.in_shape().rank();
          Strides strides{};
          for (int i = 0; i < c.in_shape().rank(); ++i) {
            if (c.in_shape()[i] == 1) continue;
            strides[static_cast<std::size_t>(i + lead)] = in_strides[static_cast<std::size_t>(i)];
          }
          read_strided(c, strides);
        },
    .onnx = "Expand",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec spec, std::vector<std::int64_t> shape) {
        return Sample{.inputs = {{spec}}, .attrs = {{"shape", shape}}};
      };
      return {sample({f32, {7}}, {3, 7}), sample({f64, {2, 1, 5}}, {2, 3, 5}),
              sample({f32, {}}, {65}), sample({i64, {3, 1}}, {4, 3, 2})};
    },
};

}  // namespace op_defs
}  // namespace nacre
