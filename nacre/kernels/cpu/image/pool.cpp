// Pools by plain loops over windows, for f32 and f64 in both layouts.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/ops/image/pool_geometry.h"

namespace nacre::cpu {
namespace {

// Below this many bytes moved a second thread costs more than it brings.
constexpr std::int64_t kBytesAThread = 1 << 15;

// Calls plane(batch, channel) for all, on threads when there is enough to do.
template <class F>
void for_each_plane(const PoolGeometry& p, const RunContext& run, F&& plane) {
  const std::int64_t bytes = p.input.pixels() * 4;
  parallel_for(run.threads, p.input.batch * p.input.channels,
               std::max<std::int64_t>(1, kBytesAThread / std::max<std::int64_t>(1, bytes)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   plane(i / p.input.channels, i % p.input.channels);
                 }
               });
}

// Calls f(output element, window: three spans) for each place of one plane.
template <class F>
void for_each_place(const PoolGeometry& p, F&& f) {
  std::int64_t y0 = 0;
  for (const PoolSpan& s0 : p.spans[0]) {
    std::int64_t y1 = y0;
    for (const PoolSpan& s1 : p.spans[1]) {
      std::int64_t y2 = y1;
      for (const PoolSpan& s2 : p.spans[2]) {
        f(y2, s0, s1, s2);
        y2 += p.output.stride[2];
      }
      y1 += p.output.stride[1];
    }
    y0 += p.output.stride[0];
  }
}

// Calls f(input element) for each element of a window.
template <class F>
inline void for_each_element(const PoolGeometry& p, const PoolSpan& s0, const PoolSpan& s1,
                             const PoolSpan& s2, F&& f) {
  for (std::int64_t i = s0.begin; i < s0.end; i += p.dilation[0]) {
    for (std::int64_t j = s1.begin; j < s1.end; j += p.dilation[1]) {
      const std::int64_t row = i * p.input.stride[0] + j * p.input.stride[1];
      for (std::int64_t k = s2.begin; k < s2.end; k += p.dilation[2]) {
        f(row + k * p.input.stride[2]);
      }
    }
  }
}

template <class T>
std::int64_t maximum_of(const PoolGeometry& p, const T* x, const PoolSpan& s0, const PoolSpan& s1,
                        const PoolSpan& s2) {
  std::int64_t best =
      s0.begin * p.input.stride[0] + s1.begin * p.input.stride[1] + s2.begin * p.input.stride[2];
  T top = x[best];
  for_each_element(p, s0, s1, s2, [&](std::int64_t e) {
    const T v = x[e];
    if (v > top || (std::isnan(v) && !std::isnan(top))) {
      top = v;
      best = e;
    }
  });
  return best;
}

template <class T>
void clear_plane(const Image& image, T* plane) {
  for (std::int64_t a = 0; a < image.size[0]; ++a) {
    for (std::int64_t b = 0; b < image.size[1]; ++b) {
      T* row = plane + a * image.stride[0] + b * image.stride[1];
      for (std::int64_t c = 0; c < image.size[2]; ++c) row[c * image.stride[2]] = T(0);
    }
  }
}

template <class T>
PreparedKernel max_forward(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    for_each_plane(p, run, [&](std::int64_t b, std::int64_t c) {
      const T* x = static_cast<const T*>(pointers[0]) + p.input.offset(b, c);
      T* y = static_cast<T*>(pointers[1]) + p.output.offset(b, c);
      for_each_place(p, [&](std::int64_t o, const auto& s0, const auto& s1, const auto& s2) {
        y[o] = x[maximum_of(p, x, s0, s1, s2)];
      });
    });
  });
}

template <class T>
PreparedKernel max_backward(const KernelQuery& q) {
  return make_kernel(
      [p = PoolGeometry(q.attrs, q.inputs[0].shape, q.inputs[1].shape),
       relu = q.attrs.flag_or("relu", false)](void* const* pointers, const RunContext& run) {
        for_each_plane(p, run, [&](std::int64_t b, std::int64_t c) {
          const T* x = static_cast<const T*>(pointers[0]) + p.input.offset(b, c);
          const T* ct = static_cast<const T*>(pointers[1]) + p.output.offset(b, c);
          T* dx = static_cast<T*>(pointers[2]) + p.input.offset(b, c);
          clear_plane(p.input, dx);
          for_each_place(p, [&](std::int64_t o, const auto& s0, const auto& s1, const auto& s2) {
            const std::int64_t i = maximum_of(p, x, s0, s1, s2);
            if (!relu || x[i] > 0) dx[i] += ct[o];
          });
        });
      });
}

// Values of any type gathered where the f32 or f64 input has its maxima.
template <class T>
PreparedKernel max_gather(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape),
                      relu = q.attrs.flag_or("relu", false),
                      size = static_cast<std::int64_t>(size_of(q.inputs[1].dtype))](
                         void* const* pointers, const RunContext& run) {
    for_each_plane(p, run, [&](std::int64_t b, std::int64_t c) {
      const T* x = static_cast<const T*>(pointers[0]) + p.input.offset(b, c);
      const char* v = static_cast<const char*>(pointers[1]) + p.input.offset(b, c) * size;
      char* y = static_cast<char*>(pointers[2]) + p.output.offset(b, c) * size;
      for_each_place(p, [&](std::int64_t o, const auto& s0, const auto& s1, const auto& s2) {
        const std::int64_t i = maximum_of(p, x, s0, s1, s2);
        if (!relu || x[i] > 0) {
          std::memcpy(y + o * size, v + i * size, static_cast<std::size_t>(size));
        } else {
          std::memset(y + o * size, 0, static_cast<std::size_t>(size));
        }
      });
    });
  });
}

template <class T>
T share(const PoolSpan& s0, const PoolSpan& s1, const PoolSpan& s2) {
  return T(1) / static_cast<T>(s0.divisor * s1.divisor * s2.divisor);
}

template <class T>
PreparedKernel avg_forward(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    for_each_plane(p, run, [&](std::int64_t b, std::int64_t c) {
      const T* x = static_cast<const T*>(pointers[0]) + p.input.offset(b, c);
      T* y = static_cast<T*>(pointers[1]) + p.output.offset(b, c);
      for_each_place(p, [&](std::int64_t o, const auto& s0, const auto& s1, const auto& s2) {
        T total = 0;
        for_each_element(p, s0, s1, s2, [&](std::int64_t e) { total += x[e]; });
        y[o] = total * share<T>(s0, s1, s2);
      });
    });
  });
}

template <class T>
PreparedKernel avg_backward(const KernelQuery& q) {
  return make_kernel([p = PoolGeometry(q.attrs, q.outputs[0].shape, q.inputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    for_each_plane(p, run, [&](std::int64_t b, std::int64_t c) {
      const T* ct = static_cast<const T*>(pointers[0]) + p.output.offset(b, c);
      T* dx = static_cast<T*>(pointers[1]) + p.input.offset(b, c);
      clear_plane(p.input, dx);
      for_each_place(p, [&](std::int64_t o, const auto& s0, const auto& s1, const auto& s2) {
        const T part = ct[o] * share<T>(s0, s1, s2);
        for_each_element(p, s0, s1, s2, [&](std::int64_t e) { dx[e] += part; });
      });
    });
  });
}

bool supports(const KernelQuery& q) {
  const bool typed = q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64;
  return typed && (q.op == Op::max_pool_gather || q.outputs[0].dtype == q.inputs[0].dtype);
}

template <PreparedKernel (*single)(const KernelQuery&), PreparedKernel (*wide)(const KernelQuery&)>
PreparedKernel by_dtype(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? single(q) : wide(q);
}

constexpr KernelRow kRows[] = {
    {Op::max_pool, "windows", supports, by_dtype<max_forward<float>, max_forward<double>>},
    {Op::max_pool_backward, "windows", supports,
     by_dtype<max_backward<float>, max_backward<double>>},
    {Op::max_pool_gather, "windows", supports, by_dtype<max_gather<float>, max_gather<double>>},
    {Op::avg_pool, "windows", supports, by_dtype<avg_forward<float>, avg_forward<double>>},
    {Op::avg_pool_backward, "windows", supports,
     by_dtype<avg_backward<float>, avg_backward<double>>},
};

}  // namespace

std::span<const KernelRow> pool_kernels() { return kRows; }

}  // namespace nacre::cpu
