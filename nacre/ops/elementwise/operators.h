// Operators on tensors and Variables; the other side may be a number. Each is the function named
// beside it.
#pragma once

#include "nacre/ops/elementwise/elementwise.h"

namespace nacre {

inline Tensor operator-(const Operand& x) { return neg(x); }
inline Tensor operator+(const Operand& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Operand& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Operand& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor operator%(const Operand& a, const Operand& b) { return remainder(a, b); }
inline Tensor operator<(const Operand& a, const Operand& b) { return less(a, b); }
inline Tensor operator<=(const Operand& a, const Operand& b) { return less_equal(a, b); }
inline Tensor operator>(const Operand& a, const Operand& b) { return greater(a, b); }
inline Tensor operator>=(const Operand& a, const Operand& b) { return greater_equal(a, b); }
// Element by element, as in NumPy and PyTorch: a tensor of booleans, not one answer.
inline Tensor operator==(const Operand& a, const Operand& b) { return equal(a, b); }
inline Tensor operator!=(const Operand& a, const Operand& b) { return not_equal(a, b); }
inline Tensor operator!(const Operand& x) { return logical_not(x); }
// On bool these are the logical operations, on integers bit by bit.
inline Tensor operator~(const Operand& x) { return bitwise_not(x); }
inline Tensor operator&(const Operand& a, const Operand& b) { return bitwise_and(a, b); }
inline Tensor operator|(const Operand& a, const Operand& b) { return bitwise_or(a, b); }
inline Tensor operator^(const Operand& a, const Operand& b) { return bitwise_xor(a, b); }

// Tensors are immutable: these rebind the name to a new tensor.
inline Tensor& operator+=(Tensor& a, const Operand& b) { return a = add(a, b); }
inline Tensor& operator-=(Tensor& a, const Operand& b) { return a = sub(a, b); }
inline Tensor& operator*=(Tensor& a, const Operand& b) { return a = mul(a, b); }
inline Tensor& operator/=(Tensor& a, const Operand& b) { return a = div(a, b); }

}  // namespace nacre
