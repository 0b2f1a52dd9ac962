// Products of tensors by named or numbered axes; all are lowered to matmul.
#pragma once

#include <utility>

#include "nacre/ops/shape/concat.h"

namespace nacre {

// Einstein's notation, as NumPy's einsum: one letter an axis, terms separated by commas. Letters
// that the result (after "->") leaves out are summed; without "->" the result has the letters that
// occur once, in alphabetical order. A letter twice in one term takes the diagonal; "..." stands
// for axes that broadcast. Axes of size 1 broadcast too. Of three and more operands the pair with
// the smallest product is multiplied first.
//
//   einsum("bij,bjk->bik", {a, b});  // a batch of matrix products
//   einsum("ii", {a});               // the trace
//
// Throws ValueError for a subscript that is not well formed, ShapeError for sizes that differ; both
// quote the subscript.
Tensor einsum(const std::string& subscripts, const OperandList& operands);

// NumPy's dot: the inner product of vectors, the matrix product of matrices, and for higher ranks
// the sum over the last axis of a and the last but one of b. A scalar multiplies.
Tensor dot(const Operand& a, const Operand& b);
// The sum over the last axes: [..., n] and [..., n] give [..., ...].
Tensor inner(const Operand& a, const Operand& b);
// Every element of a times every element of b, both flattened: a matrix.
Tensor outer(const Operand& a, const Operand& b);
// The sum over the last `count` axes of a and the first `count` of b.
Tensor tensordot(const Operand& a, const Operand& b, int count = 2);
// The sum over axes_a[i] of a together with axes_b[i] of b.
Tensor tensordot(const Operand& a, const Operand& b, const std::vector<int>& axes_a,
                 const std::vector<int>& axes_b);
// The Kronecker product: every element of a times all of b, as blocks.
Tensor kron(const Operand& a, const Operand& b);

}  // namespace nacre
