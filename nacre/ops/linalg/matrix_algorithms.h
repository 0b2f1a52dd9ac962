// Plain double precision matrix algorithms, row-major: the oracle of the LAPACK kernels.
#pragma once

#include <cstdint>
#include <vector>

namespace nacre::matrix_algorithms {

using Matrix = std::vector<double>;

// Gaussian elimination with partial pivoting: overwrites b [n, k] with a^-1 b and gives det(a)'s
// sign and the logarithm of its magnitude. Returns false (b unfinished) when a pivot is zero.
bool eliminate(Matrix a, Matrix& b, std::size_t n, std::size_t k, double& sign, double& log);

// l with l l^T = (a + a^T) / 2; false unless positive definite.
bool cholesky(const Matrix& a, Matrix& l, std::size_t n);

// a [m, n] = q [m, k] r [k, n], k = min(m, n), diagonal of r >= 0: Gram-Schmidt, twice.
void qr(const Matrix& a, std::size_t m, std::size_t n, Matrix& q, Matrix& r);

// Eigenvalues (ascending) and vectors (columns) of (a + a^T) / 2 by cyclic Jacobi rotations. Golub
// and Van Loan, "Matrix Computations", 8.5.
void eigh(const Matrix& a, std::size_t n, std::vector<double>& values, Matrix& vectors);

// a [m, n] = u [m, k] diag(s) vh [k, n], s descending: one-sided Jacobi. Golub and Van Loan, 8.6.
void svd(const Matrix& a, std::size_t m, std::size_t n, Matrix& u, std::vector<double>& s,
         Matrix& vh);

// The cofactors of a: the gradient of det(a), singular or not.
Matrix cofactors(const Matrix& a, std::size_t n);
// The gradient of sum(cofactors(a) * ct): symmetric and linear in ct.
Matrix cofactors_gradient(const Matrix& a, const Matrix& ct, std::size_t n);

Matrix transposed(const Matrix& a, std::size_t m, std::size_t n);

// The element of largest magnitude of each column of u [m, k] becomes positive; the rows of vh
// [k, n] change sign with them (vh may be null). T: float or double.
template <class T>
void fix_signs(T* u, std::size_t m, std::size_t k, T* vh, std::size_t n) {
  for (std::size_t j = 0; j < k; ++j) {
    T best = 0;
    for (std::size_t i = 0; i < m; ++i) {
      const T v = u[i * k + j];
      if ((v < 0 ? -v : v) > (best < 0 ? -best : best)) best = v;
    }
    if (best >= 0) continue;
    for (std::size_t i = 0; i < m; ++i) u[i * k + j] = -u[i * k + j];
    for (std::size_t i = 0; vh && i < n; ++i) vh[j * n + i] = -vh[j * n + i];
  }
}

}  // namespace nacre::matrix_algorithms
