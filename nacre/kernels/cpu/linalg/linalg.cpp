// Linear systems, determinants and Cholesky factors by LAPACK.
#include <cstring>

#include "nacre/kernels/cpu/linalg/lapack_kernel.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

namespace nacre::cpu {
namespace {

using op_defs::fail_matrix;

PreparedKernel prepare_solve(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int columns = static_cast<int>(q.inputs[1].shape.at_back(-1));
    const auto rhs = static_cast<std::size_t>(d.n) * static_cast<std::size_t>(columns);
    const bool transpose = q.attrs.flag("transpose");
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(rhs),
                        s.take<int>(static_cast<std::size_t>(d.n)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch s) {
      const auto [a, b, pivots] = parts(s);
      std::memcpy(a, matrix<T>(p, 0, i, d.size()), d.size() * sizeof(T));
      transpose_to(matrix<T>(p, 1, i, rhs), d.n, columns, b);
      int info = 0;
      const int ld = leading(d.n);
      Lapack<T>::getrf(&d.n, &d.n, a, &ld, pivots, &info);
      if (info > 0) {
        fail_matrix("solve", i, "is singular",
                    "use lstsq or pinv, or add a small multiple of eye(n)");
      }
      // LAPACK sees a's transpose.
      Lapack<T>::getrs(transpose ? "N" : "T", &d.n, &columns, a, &ld, pivots, b, &ld, &info, 1);
      transpose_to(b, columns, d.n, matrix<T>(p, 2, i, rhs));
    });
  });
}

PreparedKernel prepare_triangular(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int columns = static_cast<int>(q.inputs[1].shape.at_back(-1));
    const auto rhs = static_cast<std::size_t>(d.n) * static_cast<std::size_t>(columns);
    const bool lower = q.attrs.flag("lower");
    const bool transpose = q.attrs.flag("transpose");
    const bool unit = q.attrs.flag("unit_diagonal");
    return per_matrix(q, 0, [=](std::int64_t i, void* const* p, Scratch) {
      const T* a = matrix<T>(p, 0, i, d.size());
      T* x = matrix<T>(p, 2, i, rhs);
      for (std::size_t r = 0; !unit && r < static_cast<std::size_t>(d.n); ++r) {
        if (a[r * static_cast<std::size_t>(d.n) + r] == 0) {
          fail_matrix("triangular_solve", i, "is singular",
                      "use lstsq or pinv, or add a small multiple of eye(n)");
        }
      }
      if (rhs == 0) return;
      std::memcpy(x, matrix<T>(p, 1, i, rhs), rhs * sizeof(T));
      const T one = 1;
      const int ld = leading(d.n);
      // x^T op(a)^T = b^T, all of which LAPACK sees transposed.
      Lapack<T>::trsm("R", lower ? "U" : "L", transpose ? "T" : "N", unit ? "U" : "N", &columns,
                      &d.n, &one, a, &ld, x, &columns, 1, 1, 1, 1);
    });
  });
}

PreparedKernel prepare_inverse(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int work = std::max(1, 32 * d.n);
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(static_cast<std::size_t>(work)),
                        s.take<int>(static_cast<std::size_t>(d.n)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(
        q, count.used(),
        [=, name = op_defs::inverse_name(q.attrs)](std::int64_t i, void* const* p, Scratch s) {
          const auto [memory, pivots] = parts(s);
          T* x = matrix<T>(p, 1, i, d.size());
          std::memcpy(x, matrix<T>(p, 0, i, d.size()), d.size() * sizeof(T));
          int info = 0;
          const int ld = leading(d.n);
          Lapack<T>::getrf(&d.n, &d.n, x, &ld, pivots, &info);
          if (info == 0) Lapack<T>::getri(&d.n, x, &ld, pivots, memory, &work, &info);
          if (info > 0) fail_matrix(name, i, "is singular", "use pinv");
        });
  });
}

// det and slogdet.
PreparedKernel prepare_determinant(const KernelQuery& q) {
  const bool logarithm = q.op == Op::slogdet;
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<int>(static_cast<std::size_t>(d.n)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch s) {
      const auto [a, pivots] = parts(s);
      std::memcpy(a, matrix<T>(p, 0, i, d.size()), d.size() * sizeof(T));
      int info = 0;
      const int ld = leading(d.n);
      Lapack<T>::getrf(&d.n, &d.n, a, &ld, pivots, &info);
      double sign = 1;
      double log = 0;
      double product = 1;
      for (int r = 0; r < d.n; ++r) {
        const auto k = static_cast<std::size_t>(r);
        const auto v = static_cast<double>(a[k * static_cast<std::size_t>(d.n) + k]);
        if (pivots[k] != r + 1) sign = -sign;
        if (v < 0) sign = -sign;
        if (v == 0) sign = 0;
        if (std::isnan(v)) sign = v;
        log += std::log(std::fabs(v));
        product *= std::fabs(v);
      }
      if (logarithm) {
        *matrix<T>(p, 1, i, 1) = static_cast<T>(sign);
        *matrix<T>(p, 2, i, 1) = static_cast<T>(sign == 0 ? -INFINITY : log);
      } else {
        *matrix<T>(p, 1, i, 1) = static_cast<T>(sign == 0 ? 0 : sign * product);
      }
    });
  });
}

// det(a) a^-T where that is accurate; for matrices that are singular or nearly so the reference's
// way.
PreparedKernel prepare_cofactor(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int work = std::max(1, 32 * d.n);
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(static_cast<std::size_t>(work)),
                        s.take<int>(static_cast<std::size_t>(d.n)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch s) {
      const auto [a, memory, pivots] = parts(s);
      const T* given = matrix<T>(p, 0, i, d.size());
      T* out = matrix<T>(p, 1, i, d.size());
      const auto n = static_cast<std::size_t>(d.n);
      if (n == 0) return;
      std::memcpy(a, given, d.size() * sizeof(T));
      int info = 0;
      const int ld = leading(d.n);
      Lapack<T>::getrf(&d.n, &d.n, a, &ld, pivots, &info);
      double product = 1;
      double least = std::fabs(static_cast<double>(a[0]));
      double most = least;
      for (std::size_t r = 0; r < n; ++r) {
        const auto v = static_cast<double>(a[r * n + r]);
        product *= pivots[r] == static_cast<int>(r) + 1 ? v : -v;
        least = std::min(least, std::fabs(v));
        most = std::max(most, std::fabs(v));
      }
      const double epsilon = std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon()));
      if (info == 0 && least > epsilon * most) {
        Lapack<T>::getri(&d.n, a, &ld, pivots, memory, &work, &info);
        for (std::size_t r = 0; r < n; ++r) {
          for (std::size_t c = 0; c < n; ++c) {
            out[c * n + r] = static_cast<T>(product * static_cast<double>(a[r * n + c]));
          }
        }
        return;
      }
      const matrix_algorithms::Matrix exact =
          matrix_algorithms::cofactors(matrix_algorithms::Matrix(given, given + d.size()), n);
      for (std::size_t k = 0; k < d.size(); ++k) out[k] = static_cast<T>(exact[k]);
    });
  });
}

PreparedKernel prepare_cholesky(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    return per_matrix(q, 0, [=](std::int64_t i, void* const* p, Scratch) {
      T* l = matrix<T>(p, 1, i, d.size());
      symmetrize_to(matrix<T>(p, 0, i, d.size()), d.n, l);
      int info = 0;
      const int ld = leading(d.n);
      Lapack<T>::potrf("U", &d.n, l, &ld, &info, 1);
      bool finite = true;
      const auto n = static_cast<std::size_t>(d.n);
      for (std::size_t r = 0; r < n; ++r) {
        finite = finite && l[r * n + r] > 0;
        std::fill(l + r * n + r + 1, l + (r + 1) * n, T(0));
      }
      if (info > 0 || !finite) {
        fail_matrix("cholesky", i, "is not positive definite", "add a small multiple of eye(n)");
      }
    });
  });
}

constexpr KernelRow kRows[] = {
    {Op::solve, "lapack", lapack_supports, prepare_solve},
    {Op::triangular_solve, "lapack", lapack_supports, prepare_triangular},
    {Op::inverse, "lapack", lapack_supports, prepare_inverse},
    {Op::det, "lapack", lapack_supports, prepare_determinant},
    {Op::slogdet, "lapack", lapack_supports, prepare_determinant},
    {Op::cofactor, "lapack", lapack_supports, prepare_cofactor},
    {Op::cholesky, "lapack", lapack_supports, prepare_cholesky},
};

}  // namespace

std::span<const KernelRow> linalg_kernels() { return kRows; }

}  // namespace nacre::cpu
