// Sums, means, norms, extremes and their indices over axes. Attributes: axes (sorted, from the
// front), keep_dims.
#include "nacre/ops/reduce/reduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/reduce/cumulative.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Tensor reduce(Op op, const Operand& x, const Axes& axes, bool keep_dims) {
  const Tensor t = x.tensor();
  std::vector<std::int64_t> list(axes.begin(), axes.end());
  // A scalar has one element along axis 0, as in PyTorch.
  if (t.rank() == 0 && list.size() == 1 && is_axis_of_scalar(axes[0])) list.clear();
  return emit_one(op, {{"axes", list}, {"keep_dims", keep_dims}}, {t}, x.at());
}

Tensor index_of_extreme(Op op, const Operand& x, int axis, bool keep_dims) {
  Tensor t = x.tensor();
  const bool scalar = t.rank() == 0 && is_axis_of_scalar(axis);
  if (scalar) t = reshape({t, x.at()}, {1});
  return emit_one(op, {{"axis", axis}, {"keep_dims", keep_dims && !scalar}}, {t}, x.at());
}

// What is done with bool instead.
Tensor extreme(Op op, Op logical, const Operand& x, const Axes& axes, bool keep_dims) {
  return reduce(x.dtype() == boolean ? logical : op, x, axes, keep_dims);
}

Operand floating(const Operand& x) {
  return {is_floating(x.dtype()) ? x.tensor() : cast(x, f32), x.at()};
}

// A count has more digits than 16-bit floats hold: they are averaged in f32.
Tensor mean_by(Op op, const Operand& x, const Axes& axes, bool keep_dims) {
  if (x.dtype() == bf16 || x.dtype() == f16) {
    return cast({reduce(op, {cast(x, f32), x.at()}, axes, keep_dims), x.at()}, x.dtype());
  }
  return reduce(op, floating(x), axes, keep_dims);
}

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, bool keep_dims) {
  const bool widen = x.dtype() == boolean || (is_integral(x.dtype()) && x.dtype() != i64);
  return reduce(Op::reduce_sum, widen ? Operand(cast(x, i64), x.at()) : x, axes, keep_dims);
}

Tensor mean(const Operand& x, const Axes& axes, bool keep_dims) {
  return mean_by(Op::reduce_mean, x, axes, keep_dims);
}
Tensor mean_square(const Operand& x, const Axes& axes, bool keep_dims) {
  return mean_by(Op::reduce_mean_square, x, axes, keep_dims);
}

Tensor max(const Operand& x, const Axes& axes, bool keep_dims) {
  return extreme(Op::reduce_max, Op::reduce_any, x, axes, keep_dims);
}
Tensor min(const Operand& x, const Axes& axes, bool keep_dims) {
  return extreme(Op::reduce_min, Op::reduce_all, x, axes, keep_dims);
}

Tensor prod(const Operand& x, const Axes& axes, bool keep_dims) {
  const bool widen = x.dtype() == boolean || (is_integral(x.dtype()) && x.dtype() != i64);
  return reduce(Op::reduce_prod, widen ? Operand(cast(x, i64), x.at()) : x, axes, keep_dims);
}
Tensor any(const Operand& x, const Axes& axes, bool keep_dims) {
  return reduce(Op::reduce_any, {cast(x, boolean), x.at()}, axes, keep_dims);
}
Tensor all(const Operand& x, const Axes& axes, bool keep_dims) {
  return reduce(Op::reduce_all, {cast(x, boolean), x.at()}, axes, keep_dims);
}
Tensor logsumexp(const Operand& x, const Axes& axes, bool keep_dims) {
  return reduce(Op::logsumexp, floating(x), axes, keep_dims);
}
Tensor reduce_norm(const Operand& x, const Axes& axes, bool keep_dims) {
  return reduce(Op::reduce_norm, floating(x), axes, keep_dims);
}

Tensor argmax(const Operand& x, int axis, bool keep_dims) {
  return index_of_extreme(Op::argmax, x, axis, keep_dims);
}
Tensor argmin(const Operand& x, int axis, bool keep_dims) {
  return index_of_extreme(Op::argmin, x, axis, keep_dims);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int lead = x.rank() - shape.rank();
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (i < lead || (shape[i - lead] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  }
  if (axes.empty()) return reshape(x, shape);
  return reshape(reduce(Op::reduce_sum, x, axes, true), shape);
}

}  // namespace nacre
