// Elementwise functions. Two inputs broadcast by NumPy's rule; dtypes promote as in PyTorch; a
// plain number takes the dtype of the tensor beside it. Whole numbers stay exact, whatever their
// size, and one that an integer dtype does not hold throws ValueError (u8 + 300), as in NumPy 2;
// beside floats numbers are rounded. Functions whose results are fractions (exp, sin, division,
// ...) take integers as f32. Of bool the sum and the maximum are logical or, the product and the
// minimum logical and. Other errors: ShapeError for shapes that do not broadcast, DTypeError for
// bool in other arithmetic and for floats in bitwise operations.
#pragma once

#include "nacre/ops/define/operand.h"
#include "nacre/ops/elementwise/activation.h"

namespace nacre {

// Arithmetic. Integer results keep their low bits on overflow.
Tensor neg(const Operand& x);
Tensor abs(const Operand& x);
Tensor sign(const Operand& x);  // -1, 0 or 1 (NaN stays); gradient zero
Tensor square(const Operand& x);
Tensor sqrt(const Operand& x);
Tensor rsqrt(const Operand& x);  // 1 / sqrt(x)
Tensor cbrt(const Operand& x);   // the cube root, of negative numbers too
Tensor reciprocal(const Operand& x);

Tensor add(const Operand& a, const Operand& b);
Tensor sub(const Operand& a, const Operand& b);
Tensor mul(const Operand& a, const Operand& b);
// True division: integers give f32.
Tensor div(const Operand& a, const Operand& b);
// The quotient rounded toward minus infinity; gradient zero. An integer divided by 0 gives 0.
Tensor floor_divide(const Operand& a, const Operand& b);
// a - b * floor(a / b): has the sign of b, as % in Python. An integer modulo 0 gives 0.
Tensor remainder(const Operand& a, const Operand& b);
// a - b * trunc(a / b): has the sign of a, as in C.
Tensor fmod(const Operand& a, const Operand& b);
// a^b. Integers stay integers: a negative exponent gives 0 unless a is 1 or -1. Throws ValueError
// for an integer tensor to a negative number.
Tensor pow(const Operand& a, const Operand& b);
// NaN where either is NaN. The gradient of ties goes half to each side.
Tensor maximum(const Operand& a, const Operand& b);
Tensor minimum(const Operand& a, const Operand& b);
// x within [low, high]; where low > high, high. Gradient 1 within the bounds, both included.
// Numbers beyond the range of an integer dtype do not bound. Throws ValueError for two numbers with
// low > high.
Tensor clamp(const Operand& x, const Operand& low, const Operand& high);
// |a| with the sign of b, that of a zero included.
Tensor copysign(const Operand& a, const Operand& b);
Tensor squared_difference(const Operand& a, const Operand& b);
// a + weight * (b - a); exactly b at weight 1.
Tensor lerp(const Operand& a, const Operand& b, const Operand& weight);

// Exponentials and logarithms.
Tensor exp(const Operand& x);
Tensor exp2(const Operand& x);
Tensor expm1(const Operand& x);  // exp(x) - 1, exact for small x
Tensor log(const Operand& x);
Tensor log2(const Operand& x);
Tensor log10(const Operand& x);
Tensor log1p(const Operand& x);  // log(1 + x), exact for small x
// log(exp(a) + exp(b)) without overflow.
Tensor logaddexp(const Operand& a, const Operand& b);
// a * log(b), and 0 where a is 0 (NaN where b is NaN).
Tensor xlogy(const Operand& a, const Operand& b);

// Trigonometric and hyperbolic functions and their inverses, in radians.
Tensor sin(const Operand& x);
Tensor cos(const Operand& x);
Tensor tan(const Operand& x);
Tensor asin(const Operand& x);
Tensor acos(const Operand& x);
Tensor atan(const Operand& x);
Tensor sinh(const Operand& x);
Tensor cosh(const Operand& x);
Tensor tanh(const Operand& x);
Tensor asinh(const Operand& x);
Tensor acosh(const Operand& x);
Tensor atanh(const Operand& x);
// The angle of the point (x, y), in [-pi, pi]. The gradient at the origin is 0.
Tensor atan2(const Operand& y, const Operand& x);
// sqrt(a^2 + b^2) without overflow. The gradient at the origin is 0.
Tensor hypot(const Operand& a, const Operand& b);

// Rounding; gradient zero. Integers come back as they are.
Tensor floor(const Operand& x);
Tensor ceil(const Operand& x);
Tensor round(const Operand& x);  // halves to even
Tensor trunc(const Operand& x);
Tensor frac(const Operand& x);  // x - trunc(x); gradient 1

// Tests give bool.
Tensor is_nan(const Operand& x);
Tensor is_inf(const Operand& x);
Tensor is_finite(const Operand& x);
// Comparisons of integers with a number are exact: no number is rounded, cut off or out of range.
Tensor equal(const Operand& a, const Operand& b);
Tensor not_equal(const Operand& a, const Operand& b);
Tensor less(const Operand& a, const Operand& b);
Tensor less_equal(const Operand& a, const Operand& b);
Tensor greater(const Operand& a, const Operand& b);
Tensor greater_equal(const Operand& a, const Operand& b);
// |a - b| <= absolute + relative * |b|; equal infinities are close; NaN only with equal_nan.
Tensor is_close(const Operand& a, const Operand& b, double relative = 1e-5, double absolute = 1e-8,
                bool equal_nan = false);
// Whether is_close holds everywhere: bool[].
Tensor all_close(const Operand& a, const Operand& b, double relative = 1e-5, double absolute = 1e-8,
                 bool equal_nan = false);

// Logic on any dtype (not 0 is true); gives bool.
Tensor logical_not(const Operand& x);
Tensor logical_and(const Operand& a, const Operand& b);
Tensor logical_or(const Operand& a, const Operand& b);
Tensor logical_xor(const Operand& a, const Operand& b);

// Bits of integers; on bool the logical operations.
Tensor bitwise_not(const Operand& x);
Tensor bitwise_and(const Operand& a, const Operand& b);
Tensor bitwise_or(const Operand& a, const Operand& b);
Tensor bitwise_xor(const Operand& a, const Operand& b);
// Shifts of integers; right keeps the sign. A count below 0 or not below the width shifts all out.
Tensor shift_left(const Operand& a, const Operand& b);
Tensor shift_right(const Operand& a, const Operand& b);

// a where condition (bool) holds, b elsewhere; all three broadcast; of two whole numbers i64. What
// is not chosen gets the gradient 0, but what computed it may make NaN of that: where(x > 0,
// sqrt(x), 0) at 0 multiplies 0 with the infinite slope of sqrt, in PyTorch too. masked_apply does
// not.
Tensor where(const Operand& condition, const Operand& a, const Operand& b);

// f(x) where condition (bool) holds, `otherwise` elsewhere, for a function f that is not defined or
// not smooth at what is left out: f sees `inside` in place of it, so that neither a value nor a
// gradient from there reaches the result or x. f: Tensor -> Tensor, element by element.
//   masked_apply(x > 0, x, [](const Tensor& v) { return sqrt(v); })
template <class F>
Tensor masked_apply(const Operand& condition, const Operand& x, F&& f, const Operand& otherwise = 0,
                    const Operand& inside = 1) {
  const Operand kept(where(condition, x, inside), x.at());
  return where(condition, {f(kept.tensor()), x.at()}, otherwise);
}

// Converts elements. Float to integer rounds toward zero and saturates: it stays within the
// integer's range (NaN gives 0); integer to a narrower integer keeps the low bits, as in NumPy and
// PyTorch (clamp first to saturate); anything but 0 is true.
Tensor cast(const Operand& x, DType dtype);
// x itself: another value with the same elements and memory.
Tensor identity(const Operand& x);
// x itself, but gradients do not flow through it.
Tensor stop_gradient(const Operand& x);

}  // namespace nacre

// The operators come with the functions that they stand for.
#include "nacre/ops/elementwise/operators.h"
