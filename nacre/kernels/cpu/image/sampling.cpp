// Resizing, and pixels taken by index, in f32 and f64.
#include <algorithm>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/ops/image/resize_taps.h"

namespace nacre::cpu {
namespace {

constexpr std::int64_t kElementsAThread = 8192;

std::int64_t grain(std::int64_t elements) {
  return std::max<std::int64_t>(1, kElementsAThread / std::max<std::int64_t>(1, elements));
}

struct Planes {
  std::int64_t count;
  Image from;
  Image to;
  std::array<std::vector<ResizeTaps>, 3> taps;

  Planes(const Attrs& attrs, const Shape& x, const Shape& y)
      : count(x[0] * x[1]),
        from(x, false),
        to(y, false),
        taps(resize_taps(attrs, from, to, x.rank() - 2)) {}

  // Calls row(offset of a row in `from`, offset of a row in `to`, weight) for the rows that the
  // first two axes connect.
  template <class F>
  void rows(F&& row) const {
    for (std::int64_t a = 0; a < to.size[0]; ++a) {
      for (std::int64_t b = 0; b < to.size[1]; ++b) {
        const ResizeTaps& t0 = taps[0][static_cast<std::size_t>(a)];
        const ResizeTaps& t1 = taps[1][static_cast<std::size_t>(b)];
        for (std::size_t i = 0; i < static_cast<std::size_t>(t0.count); ++i) {
          for (std::size_t j = 0; j < static_cast<std::size_t>(t1.count); ++j) {
            row((t0.at[i] * from.size[1] + t1.at[j]) * from.size[2],
                (a * to.size[1] + b) * to.size[2], t0.weight[i] * t1.weight[j]);
          }
        }
      }
    }
  }
};

template <class T>
PreparedKernel forward(const KernelQuery& q) {
  return make_kernel([p = Planes(q.attrs, q.inputs[0].shape, q.outputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    parallel_for(run.threads, p.count, grain(p.to.pixels()), [&](auto begin, auto end) {
      for (std::int64_t plane = begin; plane < end; ++plane) {
        const T* x = static_cast<const T*>(pointers[0]) + plane * p.from.pixels();
        T* y = static_cast<T*>(pointers[1]) + plane * p.to.pixels();
        std::fill_n(y, p.to.pixels(), T(0));
        p.rows([&](std::int64_t from, std::int64_t to, double weight) {
          for (const ResizeTaps& t : p.taps[2]) {
            T total = 0;
            for (std::size_t k = 0; k < static_cast<std::size_t>(t.count); ++k) {
              total += static_cast<T>(t.weight[k]) * x[from + t.at[k]];
            }
            y[to++] += static_cast<T>(weight) * total;
          }
        });
      }
    });
  });
}

template <class T>
PreparedKernel backward(const KernelQuery& q) {
  return make_kernel([p = Planes(q.attrs, q.outputs[0].shape, q.inputs[0].shape)](
                         void* const* pointers, const RunContext& run) {
    parallel_for(run.threads, p.count, grain(p.to.pixels()), [&](auto begin, auto end) {
      for (std::int64_t plane = begin; plane < end; ++plane) {
        const T* y = static_cast<const T*>(pointers[0]) + plane * p.to.pixels();
        T* x = static_cast<T*>(pointers[1]) + plane * p.from.pixels();
        std::fill_n(x, p.from.pixels(), T(0));
        p.rows([&](std::int64_t from, std::int64_t to, double weight) {
          for (const ResizeTaps& t : p.taps[2]) {
            const T part = static_cast<T>(weight) * y[to++];
            for (std::size_t k = 0; k < static_cast<std::size_t>(t.count); ++k) {
              x[from + t.at[k]] += static_cast<T>(t.weight[k]) * part;
            }
          }
        });
      }
    });
  });
}

// Calls f(image plane, place plane, indices) for each channel of each image.
template <class F>
void for_each_channel(const Shape& s, std::int64_t pixels, std::int64_t places,
                      const RunContext& run, F&& f) {
  parallel_for(run.threads, s[0] * s[1], grain(places), [&](auto begin, auto end) {
    for (std::int64_t i = begin; i < end; ++i) f(i * pixels, i * places, i / s[1] * places);
  });
}

template <class T>
PreparedKernel take(const KernelQuery& q) {
  return make_kernel([s = q.inputs[0].shape, places = q.inputs[1].shape[1]](void* const* pointers,
                                                                            const RunContext& run) {
    const auto* index = static_cast<const std::int64_t*>(pointers[1]);
    for_each_channel(s, s[2], places, run, [&](auto pixel, auto place, auto first) {
      const T* x = static_cast<const T*>(pointers[0]) + pixel;
      T* y = static_cast<T*>(pointers[2]) + place;
      for (std::int64_t p = 0; p < places; ++p) {
        const std::int64_t i = index[first + p];
        y[p] = i >= 0 && i < s[2] ? x[i] : T(0);
      }
    });
  });
}

template <class T>
PreparedKernel scatter(const KernelQuery& q) {
  return make_kernel([s = q.outputs[0].shape, places = q.inputs[1].shape[1]](
                         void* const* pointers, const RunContext& run) {
    const auto* index = static_cast<const std::int64_t*>(pointers[1]);
    for_each_channel(s, s[2], places, run, [&](auto pixel, auto place, auto first) {
      const T* y = static_cast<const T*>(pointers[0]) + place;
      T* x = static_cast<T*>(pointers[2]) + pixel;
      std::fill_n(x, s[2], T(0));
      for (std::int64_t p = 0; p < places; ++p) {
        const std::int64_t i = index[first + p];
        if (i >= 0 && i < s[2]) x[i] += y[p];
      }
    });
  });
}

bool supports(const KernelQuery& q) { return q.inputs[0].dtype == f32 || q.inputs[0].dtype == f64; }

template <PreparedKernel (*single)(const KernelQuery&), PreparedKernel (*wide)(const KernelQuery&)>
PreparedKernel by_dtype(const KernelQuery& q) {
  return q.inputs[0].dtype == f32 ? single(q) : wide(q);
}

constexpr KernelRow kRows[] = {
    {Op::resize, "taps", supports, by_dtype<forward<float>, forward<double>>},
    {Op::resize_backward, "taps", supports, by_dtype<backward<float>, backward<double>>},
    {Op::take_pixels, "index", supports, by_dtype<take<float>, take<double>>},
    {Op::scatter_pixels, "index", supports, by_dtype<scatter<float>, scatter<double>>},
};

}  // namespace

std::span<const KernelRow> sampling_kernels() { return kRows; }

}  // namespace nacre::cpu
