// Reductions over any axes. No axes given means all; negative axes count from the back.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// Booleans and narrow integers are summed as i64, as in PyTorch.
Tensor sum(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
// Integers are averaged as f32; bf16 and f16 in f32, and rounded once. Sums and means that their
// dtype holds do not overflow on the way.
Tensor mean(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
// Of bool, whether any (every) element is true. The gradient of max and min goes in equal parts to
// all elements that have the extreme value.
Tensor max(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Tensor min(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
// The product; integers as in sum. Its gradient holds where elements are zero.
Tensor prod(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
// Whether any (every) element is true; numbers are true where they are not zero.
Tensor any(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Tensor all(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
// log(sum(exp(x))), with the maximum taken out.
Tensor logsumexp(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

// The square root of the sum of the squares, in f64 within, so that squares of large numbers do not
// overflow: reduce_norm of {300, 400} is 500 in f16. The gradient at 0 is 0. See norm for other p.
Tensor reduce_norm(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

// The mean of the squares, in f64 within.
Tensor mean_square(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

// The i64 index of the first largest (smallest) element along an axis; of the first NaN where there
// is one, as max and min are NaN then. Here and above, a scalar has an axis 0 (and -1). No
// gradient.
Tensor argmax(const Operand& x, int axis = -1, bool keep_dims = false);
Tensor argmin(const Operand& x, int axis = -1, bool keep_dims = false);

// Sums over the axes along which `shape` was broadcast to x's shape.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace nacre
