// Triangles and diagonals of matrices.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// The last two axes with what lies above (below) a diagonal set to zero. diagonal 0 is the main
// one, 1 the next above it, -1 the next below.
Tensor tril(const Operand& x, int diagonal = 0);
Tensor triu(const Operand& x, int diagonal = 0);

// The elements of a diagonal of two axes; they become the last axis of the result.
Tensor diagonal(const Operand& x, int offset = 0, int axis1 = 0, int axis2 = 1);
// Matrices with the last axis of x on a diagonal and zeros elsewhere.
Tensor diagonal_embed(const Operand& x, int offset = 0);
// NumPy's diag: a matrix of a vector, or the diagonal of a matrix.
Tensor diag(const Operand& x, int offset = 0);
// The sum of a diagonal.
Tensor trace(const Operand& x, int offset = 0, int axis1 = 0, int axis2 = 1);

}  // namespace nacre
