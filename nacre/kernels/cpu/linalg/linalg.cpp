// Linear algebra by LAPACK, one matrix of the batch after the other, batches shared among threads.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/linalg/lapack.h"
#include "nacre/ops/linalg/linalg_support.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

// Where OpenBLAS stands behind LAPACK it brings threads of its own, which would not keep to the
// limit: the batch is what runs in parallel here.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

namespace nacre::cpu {
namespace {

using op_defs::fail_matrix;

void keep_library_sequential() {
  static const bool done = [] {
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

struct Dims {
  int m = 0, n = 0, k = 0;
  std::int64_t batch = 0;
  std::size_t size() const { return static_cast<std::size_t>(m) * static_cast<std::size_t>(n); }
};

Dims dims_of(const Spec& spec) {
  const Shape& s = spec.shape;
  Dims d;
  d.m = static_cast<int>(s.at_back(-2));
  d.n = static_cast<int>(s.at_back(-1));
  d.k = std::min(d.m, d.n);
  d.batch = op_defs::batch_shape(s).elements();
  return d;
}

bool supports(const KernelQuery& q) {
  if (q.inputs[0].dtype != f32 && q.inputs[0].dtype != f64) return false;
  for (const Spec& spec : q.inputs) {
    for (const std::int64_t d : spec.shape) {
      if (d > std::numeric_limits<int>::max() / 16) return false;
    }
  }
  return true;
}

// Parts of one thread's scratch memory, each aligned for anything.
class Scratch {
 public:
  explicit Scratch(void* memory) : at_(static_cast<char*>(memory)) {}
  template <class T>
  T* take(std::size_t count) {
    T* here = reinterpret_cast<T*>(at_ + used_);
    used_ += (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return here;
  }
  std::size_t used() const { return used_; }

 private:
  char* at_;
  std::size_t used_ = 0;
};

// A kernel that calls body(item, pointers, scratch) for each matrix. `scratch_bytes` is for one.
template <class F>
PreparedKernel per_matrix(const KernelQuery& q, std::size_t scratch_bytes, F body) {
  keep_library_sequential();
  const Dims d = dims_of(q.inputs[0]);
  const double operations =
      2.0 * static_cast<double>(d.size()) * std::max(d.m, d.n) * static_cast<double>(d.batch);
  const std::int64_t workers =
      operations < 1e6 ? 1 : std::clamp<std::int64_t>(d.batch, 1, std::max(1, q.threads));
  return make_kernel(
      [=](void* const* pointers, const RunContext& context) {
        parallel_for(static_cast<int>(std::min<std::int64_t>(workers, context.threads)), workers, 1,
                     [&](std::int64_t first, std::int64_t last) {
                       for (std::int64_t w = first; w < last; ++w) {
                         char* memory = static_cast<char*>(context.scratch) +
                                        static_cast<std::size_t>(w) * scratch_bytes;
                         for (std::int64_t i = d.batch * w / workers;
                              i < d.batch * (w + 1) / workers; ++i) {
                           body(i, pointers, Scratch(memory));
                         }
                       }
                     });
      },
      scratch_bytes * static_cast<std::size_t>(workers));
}

// The same for both element types: f(tag, dims) prepares.
template <class F>
PreparedKernel by_type(const KernelQuery& q, F&& f) {
  const Dims d = dims_of(q.inputs[0]);
  return q.inputs[0].dtype == f32 ? f(float(), d) : f(double(), d);
}

template <class T>
T* matrix(void* const* pointers, std::size_t which, std::int64_t item, std::size_t size) {
  return static_cast<T*>(pointers[which]) + static_cast<std::size_t>(item) * size;
}

// to [n, m] = from [m, n] transposed.
template <class T>
void transpose_to(const T* from, int m, int n, T* to) {
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      to[static_cast<std::size_t>(j) * static_cast<std::size_t>(m) + static_cast<std::size_t>(i)] =
          from[static_cast<std::size_t>(i) * static_cast<std::size_t>(n) +
               static_cast<std::size_t>(j)];
    }
  }
}

template <class T>
void symmetrize_to(const T* from, int n, T* to) {
  const auto size = static_cast<std::size_t>(n);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      to[i * size + j] = (from[i * size + j] + from[j * size + i]) / 2;
    }
  }
}

int leading(int n) { return std::max(1, n); }

// What LAPACK reports as a float may have been rounded down; within an int, as the ops see to.
template <class T>
int work_size(T reported) {
  const double size =
      static_cast<double>(reported) * (1 + static_cast<double>(std::numeric_limits<T>::epsilon()));
  return static_cast<int>(std::clamp<double>(std::ceil(size), 1, std::numeric_limits<int>::max()));
}

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
    {Op::solve, "lapack", supports, prepare_solve},
    {Op::triangular_solve, "lapack", supports, prepare_triangular},
    {Op::inverse, "lapack", supports, prepare_inverse},
    {Op::det, "lapack", supports, prepare_determinant},
    {Op::slogdet, "lapack", supports, prepare_determinant},
    {Op::cofactor, "lapack", supports, prepare_cofactor},
    {Op::cholesky, "lapack", supports, prepare_cholesky},
    {Op::qr, "lapack", supports, prepare_qr},
    {Op::svd, "lapack", supports, prepare_svd},
    {Op::eigh, "lapack", supports, prepare_eigh},
    {Op::pinv, "lapack", supports, prepare_pinv},
};

}  // namespace

std::span<const KernelRow> linalg_kernels() { return kRows; }

}  // namespace nacre::cpu
