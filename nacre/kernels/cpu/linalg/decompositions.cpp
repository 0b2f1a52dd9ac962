// QR, singular values, symmetric eigenvalues and the pseudo-inverse by LAPACK.
#include <cstring>

#include "nacre/kernels/cpu/linalg/lapack_kernel.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

namespace nacre::cpu {
namespace {

using op_defs::fail_matrix;

PreparedKernel prepare_qr(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    T size = 0;
    const int query = -1;
    int info = 0;
    const int ld = leading(d.m);
    Lapack<T>::geqrf(&d.m, &d.n, nullptr, &ld, nullptr, &size, &query, &info);
    int work = work_size(size);
    Lapack<T>::orgqr(&d.m, &d.k, &d.k, nullptr, &ld, nullptr, &size, &query, &info);
    work = std::max(work, work_size(size));
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(static_cast<std::size_t>(d.k)),
                        s.take<T>(static_cast<std::size_t>(work)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch s) {
      const auto [a, tau, memory] = parts(s);
      const auto m = static_cast<std::size_t>(d.m);
      const auto n = static_cast<std::size_t>(d.n);
      const auto k = static_cast<std::size_t>(d.k);
      transpose_to(matrix<T>(p, 0, i, d.size()), d.m, d.n, a);
      int status = 0;
      Lapack<T>::geqrf(&d.m, &d.n, a, &ld, tau, memory, &work, &status);
      T* out_q = matrix<T>(p, 1, i, m * k);
      T* out_r = matrix<T>(p, 2, i, k * n);
      for (std::size_t r = 0; r < k; ++r) {
        const bool flip = a[r * m + r] < 0;
        for (std::size_t c = 0; c < n; ++c) {
          const T v = c < r ? T(0) : a[c * m + r];
          out_r[r * n + c] = flip ? -v : v;
        }
      }
      // Q overwrites R.
      Lapack<T>::orgqr(&d.m, &d.k, &d.k, a, &ld, tau, memory, &work, &status);
      transpose_to(a, d.k, d.m, out_q);
      const T* given = matrix<T>(p, 0, i, d.size());
      for (std::size_t c = 0; c < k; ++c) {
        // r's diagonal is now >= 0: q's column points along what is left of a's.
        T dot = 0;
        for (std::size_t r = 0; r < m; ++r) dot += out_q[r * k + c] * given[r * n + c];
        if (dot >= 0) continue;
        for (std::size_t r = 0; r < m; ++r) out_q[r * k + c] = -out_q[r * k + c];
      }
    });
  });
}

// u [m, k], s, vh [k, n] of the row-major a, which is overwritten.
template <class T>
void run_svd(const Dims& d, std::int64_t item, std::string_view op, T* a, T* u, T* s, T* vh,
             T* work, int work_count, int* integers) {
  int info = 0;
  // LAPACK sees a^T = v s u^T: its left vectors are the rows of vh, its right ones those of u.
  const int ld = leading(d.n);
  const int ldk = leading(d.k);
  Lapack<T>::gesdd("S", &d.n, &d.m, a, &ld, s, vh, &ld, u, &ldk, work, &work_count, integers, &info,
                   1);
  if (info != 0) {
    fail_matrix(op, item, "has no singular value decomposition that converges",
                "look for NaN or infinite elements");
  }
}

template <class T>
int svd_work(const Dims& d) {
  T size = 0;
  const int query = -1;
  int info = 0;
  const int ld = leading(d.n);
  const int ldk = leading(d.k);
  Lapack<T>::gesdd("S", &d.n, &d.m, nullptr, &ld, nullptr, nullptr, &ld, nullptr, &ldk, &size,
                   &query, nullptr, &info, 1);
  return work_size(size);
}

PreparedKernel prepare_svd(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int work = svd_work<T>(d);
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(static_cast<std::size_t>(work)),
                        s.take<int>(8 * static_cast<std::size_t>(d.k)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch scratch) {
      if (d.k == 0) return;
      const auto [a, memory, integers] = parts(scratch);
      const auto m = static_cast<std::size_t>(d.m);
      const auto n = static_cast<std::size_t>(d.n);
      const auto k = static_cast<std::size_t>(d.k);
      std::memcpy(a, matrix<T>(p, 0, i, d.size()), d.size() * sizeof(T));
      T* u = matrix<T>(p, 1, i, m * k);
      T* vh = matrix<T>(p, 3, i, k * n);
      run_svd(d, i, "svd", a, u, matrix<T>(p, 2, i, k), vh, memory, work, integers);
      matrix_algorithms::fix_signs(u, m, k, vh, n);
    });
  });
}

PreparedKernel prepare_pinv(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    const int work = svd_work<T>(d);
    const double given = q.attrs.number("rcond");
    const double rcond =
        given < 0 ? static_cast<double>(std::numeric_limits<T>::epsilon()) * std::max(d.m, d.n)
                  : given;
    const auto m = static_cast<std::size_t>(d.m);
    const auto n = static_cast<std::size_t>(d.n);
    const auto k = static_cast<std::size_t>(d.k);
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(m * k), s.take<T>(k), s.take<T>(k * n),
                        s.take<T>(static_cast<std::size_t>(work)), s.take<int>(8 * k));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch scratch) {
      if (d.k == 0) return;
      const auto [a, u, s, vh, memory, integers] = parts(scratch);
      std::memcpy(a, matrix<T>(p, 0, i, d.size()), d.size() * sizeof(T));
      run_svd(d, i, "pinv", a, u, s, vh, memory, work, integers);
      T* out = matrix<T>(p, 1, i, d.size());
      std::fill(out, out + d.size(), T(0));
      for (std::size_t j = 0; j < k && s[j] > rcond * static_cast<double>(s[0]); ++j) {
        for (std::size_t x = 0; x < n; ++x) {
          const T f = vh[j * n + x] / s[j];
          for (std::size_t y = 0; y < m; ++y) out[x * m + y] += f * u[y * k + j];
        }
      }
    });
  });
}

PreparedKernel prepare_eigh(const KernelQuery& q) {
  return by_type(q, [&]<class T>(T, const Dims& d) {
    T size = 0;
    int integer_size = 0;
    const int query = -1;
    int info = 0;
    const int ld = leading(d.n);
    Lapack<T>::syevd("V", "L", &d.n, nullptr, &ld, nullptr, &size, &query, &integer_size, &query,
                     &info, 1, 1);
    const int work = work_size(size);
    const int integer_work = std::max(1, integer_size);
    const auto parts = [=](Scratch& s) {
      return std::tuple(s.take<T>(d.size()), s.take<T>(static_cast<std::size_t>(work)),
                        s.take<int>(static_cast<std::size_t>(integer_work)));
    };
    Scratch count(nullptr);
    parts(count);
    return per_matrix(q, count.used(), [=](std::int64_t i, void* const* p, Scratch s) {
      const auto [a, memory, integers] = parts(s);
      const auto n = static_cast<std::size_t>(d.n);
      symmetrize_to(matrix<T>(p, 0, i, d.size()), d.n, a);
      const bool finite = std::all_of(a, a + d.size(), [](T v) { return std::isfinite(v); });
      int status = finite ? 0 : 1;
      if (finite) {
        Lapack<T>::syevd("V", "L", &d.n, a, &ld, matrix<T>(p, 1, i, n), memory, &work, integers,
                         &integer_work, &status, 1, 1);
      }
      if (status != 0) {
        fail_matrix("eigh", i, "has no eigenvalues that converge",
                    "look for NaN or infinite elements");
      }
      T* vectors = matrix<T>(p, 2, i, d.size());
      transpose_to(a, d.n, d.n, vectors);
      matrix_algorithms::fix_signs<T>(vectors, n, n, nullptr, 0);
    });
  });
}

constexpr KernelRow kRows[] = {
    {Op::qr, "lapack", lapack_supports, prepare_qr},
    {Op::svd, "lapack", lapack_supports, prepare_svd},
    {Op::eigh, "lapack", lapack_supports, prepare_eigh},
    {Op::pinv, "lapack", lapack_supports, prepare_pinv},
};

}  // namespace

std::span<const KernelRow> factor_kernels() { return kRows; }

}  // namespace nacre::cpu
