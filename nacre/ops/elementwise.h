// Elementwise functions. Two inputs broadcast by NumPy's rule; dtypes promote as in PyTorch; a
// plain number takes the dtype of the tensor beside it.
#pragma once

#include "nacre/ops/emit.h"

namespace nacre {

Tensor neg(const Operand& x);
Tensor abs(const Operand& x);
Tensor exp(const Operand& x);
Tensor log(const Operand& x);
Tensor sqrt(const Operand& x);
Tensor rsqrt(const Operand& x);  // 1 / sqrt(x)
Tensor square(const Operand& x);
Tensor reciprocal(const Operand& x);
Tensor sin(const Operand& x);
Tensor cos(const Operand& x);
Tensor tanh(const Operand& x);
Tensor sigmoid(const Operand& x);  // 1 / (1 + exp(-x))
Tensor relu(const Operand& x);     // max(x, 0); gradient 0 at 0
Tensor sign(const Operand& x);     // -1, 0 or 1; gradient zero

// Converts elements; float to integer rounds toward zero.
Tensor cast(const Operand& x, DType dtype);
// x itself: another value with the same elements and memory.
Tensor identity(const Operand& x);
// x itself, but gradients do not flow through it.
Tensor stop_gradient(const Operand& x);

Tensor add(const Operand& a, const Operand& b);
Tensor sub(const Operand& a, const Operand& b);
Tensor mul(const Operand& a, const Operand& b);
// True division: integers give f32.
Tensor div(const Operand& a, const Operand& b);
Tensor pow(const Operand& a, const Operand& b);
// The gradient of ties goes half to each side.
Tensor maximum(const Operand& a, const Operand& b);
Tensor minimum(const Operand& a, const Operand& b);

// Comparisons give bool.
Tensor equal(const Operand& a, const Operand& b);
Tensor not_equal(const Operand& a, const Operand& b);
Tensor less(const Operand& a, const Operand& b);
Tensor less_equal(const Operand& a, const Operand& b);
Tensor greater(const Operand& a, const Operand& b);
Tensor greater_equal(const Operand& a, const Operand& b);

// a where condition (bool) holds, b elsewhere; all three broadcast.
Tensor where(const Operand& condition, const Operand& a, const Operand& b);

// Operators; found for tensors and Variables, the other side may be a number.
inline Tensor operator-(const Operand& x) { return neg(x); }
inline Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor operator<(const Operand& a, const Operand& b) { return less(a, b); }
inline Tensor operator<=(const Operand& a, const Operand& b) { return less_equal(a, b); }
inline Tensor operator>(const Operand& a, const Operand& b) { return greater(a, b); }
inline Tensor operator>=(const Operand& a, const Operand& b) { return greater_equal(a, b); }

}  // namespace nacre
