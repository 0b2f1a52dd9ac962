// softmax {axis}, log_softmax {axis}.
#include "nacre/ops/reduce/softmax.h"

#include <algorithm>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Tensor along(Op op, const Operand& x, int axis) {
  const Tensor t = is_floating(x.dtype()) ? x.tensor() : cast(x, f32);
  // The only axis a scalar could have, as in PyTorch.
  if (t.rank() == 0 && is_axis_of_scalar(axis)) {
    return reshape({along(op, {reshape({t, x.at()}, {1}), x.at()}, 0), x.at()}, Shape{});
  }
  return emit_one(op, {{"axis", axis}}, {t}, x.at());
}

}  // namespace

Tensor softmax(const Operand& x, int axis) { return along(Op::softmax, x, axis); }
Tensor log_softmax(const Operand& x, int axis) { return along(Op::log_softmax, x, axis); }

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

SpecList infer_along_axis(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  static_cast<void>(c.axis(c.attrs.integer("axis"), c.inputs[0].shape.rank()));
  return {c.inputs[0]};
}

// Applies f(row, length, stride) to each line along the axis.
template <class F>
void for_each_line(const ReferenceContext& c, F&& f) {
  const Shape& s = c.in_shape();
  std::int64_t axis = c.attrs.integer("axis");
  if (axis < 0) axis += s.rank();
  std::vector<double> x = c.load(0);
  std::int64_t inner = 1;
  for (int i = static_cast<int>(axis) + 1; i < s.rank(); ++i) inner *= s[i];
  const std::int64_t length = s[static_cast<int>(axis)];
  if (!x.empty()) {
    const std::int64_t outer = s.elements() / (inner * length);
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) f(x.data() + o * length * inner + i, length, inner);
    }
  }
  c.store(0, x);
}

template <bool logarithm>
void reference(const ReferenceContext& c) {
  for_each_line(c, [](double* x, std::int64_t n, std::int64_t step) {
    double top = x[0];
    for (std::int64_t i = 1; i < n; ++i) top = std::max(top, x[i * step]);
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += std::exp(x[i * step] - top);
    for (std::int64_t i = 0; i < n; ++i) {
      const double shifted = x[i * step] - top;
      x[i * step] = logarithm ? shifted - std::log(total) : std::exp(shifted) / total;
    }
  });
}

std::vector<Sample> samples_along_axis() {
  const auto sample = [](Spec spec, std::int64_t axis) {
    return Sample{.inputs = {{spec, -4, 4}}, .attrs = {{"axis", axis}}};
  };
  return {sample({f32, {3, 7}}, -1), sample({f32, {33, 65}}, 1), sample({f32, {5, 3}}, 0),
          sample({f64, {2, 3, 5}}, 1), sample({f32, {1030}}, 0)};
}

int axis_of(G c) { return static_cast<int>(c.attrs.integer("axis")); }

}  // namespace

const OpDef softmax = {
    .name = "softmax",
    .infer = infer_along_axis,
    .vjp = [](G c) -> L {
      const Tensor weighted = c.ct() * c.out();
      return {weighted - c.out() * nacre::sum(weighted, {axis_of(c)}, true)};
    },
    .reference = reference<false>,
    .onnx = "Softmax",
    .samples = samples_along_axis,
};

const OpDef log_softmax = {
    .name = "log_softmax",
    .infer = infer_along_axis,
    .vjp = [](G c) -> L {
      return {c.ct() - nacre::exp(c.out()) * nacre::sum(c.ct(), {axis_of(c)}, true)};
    },
    .reference = reference<true>,
    .onnx = "LogSoftmax",
    .samples = samples_along_axis,
};

}  // namespace op_defs
}  // namespace nacre
