// Linear algebra on batches of matrices: the last two axes are rows and columns, those before them
// the batch, which broadcasts where a function takes two operands. Elements are f32 or f64
// (DTypeError otherwise). Decompositions fix what mathematics leaves open, so that results and
// gradients are the same on every machine; each function says how.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// x with a x = b for square a [..., n, n] and b [..., n, k], or b [n], a vector, for a [..., n, n].
// Throws ValueError with the batch index when a matrix is singular.
Tensor solve(const Operand& a, const Operand& b);

struct TriangularSolveOptions {
  bool lower = true;           // which triangle of a is read; the other one counts as zero
  bool transpose = false;      // solve with a's transpose
  bool unit_diagonal = false;  // take the diagonal as ones
};
// The same for a triangular matrix. Throws ValueError for a zero on the diagonal.
Tensor triangular_solve(const Operand& a, const Operand& b,
                        const TriangularSolveOptions& options = {});

// The lower triangular l with l l^T = (a + a^T) / 2. Throws ValueError with the batch index unless
// that is positive definite.
Tensor cholesky(const Operand& a);
// x with l l^T x = b for l from cholesky().
Tensor cholesky_solve(const Operand& l, const Operand& b);

// The inverse. Throws ValueError with the batch index when a matrix is singular. To multiply with
// an inverse, solve() is faster and more accurate.
Tensor inverse(const Operand& a);
// The determinant, 0 for singular matrices. Its gradient, the cofactors, exists for these too.
Tensor det(const Operand& a);
struct SignLogDet {
  Tensor sign;  // -1, 0 or 1
  Tensor log;   // log |det a|, -inf for singular matrices
};
// The determinant without overflow. The gradient of log |det a| at a singular matrix is infinite:
// it throws ValueError.
SignLogDet slogdet(const Operand& a);

struct Qr {
  Tensor q;  // [..., m, min(m, n)], orthonormal columns
  Tensor r;  // [..., min(m, n), n], upper triangular, diagonal >= 0
};
// a = q r (reduced). The gradient needs the first min(m, n) columns of a to be independent.
Qr qr(const Operand& a);

struct Svd {
  Tensor u;   // [..., m, min(m, n)]; in each column the largest element is positive
  Tensor s;   // [..., min(m, n)], descending
  Tensor vh;  // [..., min(m, n), n]
};
// a = u diag(s) vh (reduced). The gradient through u and vh needs distinct singular values above
// zero, that through s alone does not.
Svd svd(const Operand& a);

struct Eigh {
  Tensor values;   // [..., n], ascending
  Tensor vectors;  // [..., n, n], in columns, in each the largest element positive
};
// Eigenvalues and eigenvectors of the symmetric matrix (a + a^T) / 2. The gradient through the
// vectors needs distinct eigenvalues.
Eigh eigh(const Operand& a);

// The Moore-Penrose inverse; singular values up to rcond times the largest count as zero. Below
// zero, rcond is the dtype's epsilon times max(m, n).
Tensor pinv(const Operand& a, double rcond = -1);
// The x of least |a x - b|, and of these the shortest, for a of full rank; b [..., m, k] or [m].
Tensor lstsq(const Operand& a, const Operand& b);
// a multiplied with itself n times; the identity for 0, powers of the inverse below.
Tensor matrix_power(const Operand& a, std::int64_t n);

}  // namespace nacre
