// What the kernels that call LAPACK share: one matrix of the batch after the other, batches shared
// among threads, scratch memory for each thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/linalg/lapack.h"
#include "nacre/ops/linalg/linalg_support.h"

// Where OpenBLAS stands behind LAPACK it brings threads of its own, which would not keep to the
// limit: the batch is what runs in parallel here.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

namespace nacre::cpu {

inline void keep_library_sequential() {
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

inline Dims dims_of(const Spec& spec) {
  const Shape& s = spec.shape;
  Dims d;
  d.m = static_cast<int>(s.at_back(-2));
  d.n = static_cast<int>(s.at_back(-1));
  d.k = std::min(d.m, d.n);
  d.batch = op_defs::batch_shape(s).elements();
  return d;
}

inline bool lapack_supports(const KernelQuery& q) {
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

inline int leading(int n) { return std::max(1, n); }

// What LAPACK reports as a float may have been rounded down; within an int, as the ops see to.
template <class T>
int work_size(T reported) {
  const double size =
      static_cast<double>(reported) * (1 + static_cast<double>(std::numeric_limits<T>::epsilon()));
  return static_cast<int>(std::clamp<double>(std::ceil(size), 1, std::numeric_limits<int>::max()));
}

}  // namespace nacre::cpu
