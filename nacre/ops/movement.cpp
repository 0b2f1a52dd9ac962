// reshape, transpose, broadcast_to.
#include "nacre/ops/movement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "nacre/ops/op_defs.h"
#include "nacre/ops/reduce.h"

namespace nacre {

Tensor reshape(const Operand& x, const std::vector<std::int64_t>& dims) {
  return emit_one(Op::reshape, {{"shape", dims}}, {x.tensor()}, x.at());
}
Tensor reshape(const Operand& x, const Shape& shape) {
  const Tensor t = x.tensor();
  return t.shape() == shape ? t : reshape({t, x.at()}, shape.to_vector());
}

Tensor transpose(const Operand& x, const std::vector<int>& axes) {
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

Tensor expand_dims(const Operand& x, const std::vector<int>& axes) {
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

Tensor squeeze(const Operand& x, const std::vector<int>& axes) {
  const Tensor t = x.tensor();
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

Tensor Tensor::reshape(const Shape& shape, Location at) const {
  return nacre::reshape({*this, at}, shape);
}
Tensor Tensor::transpose(std::vector<int> axes, Location at) const {
  return nacre::transpose({*this, at}, axes);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

// Byte-wise gather: out element o comes from in element offset(o).
template <class Walk>
void move_elements(const ReferenceContext& c, Walk&& walk) {
  const std::size_t size = size_of(c.out_specs[0].dtype);
  const std::int64_t n = c.out_shape().elements();
  for (std::int64_t o = 0; o < n; ++o, walk.next()) {
    std::memcpy(c.out_bytes(0) + static_cast<std::size_t>(o) * size,
                c.in_bytes(0) + static_cast<std::size_t>(walk.offset()) * size, size);
  }
}

// Walks a transposed input in output order.
struct TransposeWalk {
  Shape out;
  std::array<std::int64_t, kMaxRank> strides{};
  std::array<std::int64_t, kMaxRank> position{};
  std::int64_t at = 0;

  TransposeWalk(const Shape& in, const Shape& out_shape, const std::vector<std::int64_t>& axes)
      : out(out_shape) {
    const auto in_strides = row_major_strides(in);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      strides[i] =
          in_strides[static_cast<std::size_t>(axes[i] < 0 ? axes[i] + in.rank() : axes[i])];
    }
  }
  std::int64_t offset() const { return at; }
  void next() {
    for (int i = out.rank() - 1; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      at += strides[k];
      if (++position[k] < out[i]) return;
      at -= strides[k] * out[i];
      position[k] = 0;
    }
  }
};

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
          move_elements(c, TransposeWalk(c.in_shape(), c.out_shape(), c.attrs.integers("axes")));
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
          move_elements(c, BroadcastWalk(c.in_shape(), c.out_shape()));
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
