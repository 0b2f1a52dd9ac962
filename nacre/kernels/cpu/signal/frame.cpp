// frame and overlap_add: the inside of a frame is a contiguous part of the signal.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/shape/runs.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

struct Frames {
  std::int64_t signals = 1, size = 0, length = 0, count = 0, hop = 1, pad = 0;
  bool reflect = false;
  int workers = 1;

  // Elements [first, last) of frame f are samples start + first and on.
  struct Inside {
    std::int64_t start, first, last;
  };
  Inside inside(std::int64_t f) const {
    const std::int64_t start = f * hop - pad;
    const std::int64_t first = std::clamp<std::int64_t>(-start, 0, length);
    return {start, first, std::clamp<std::int64_t>(size - start, first, length)};
  }
  // The sample of the padding at place i outside of the signal; -1 for a zero.
  std::int64_t mirrored(std::int64_t i) const {
    if (!reflect) return -1;
    if (i < 0) i = -i;
    if (i >= size) i = 2 * (size - 1) - i;
    return i >= 0 && i < size ? i : -1;
  }
  // Calls f(element, sample) for the elements of a frame that are not inside.
  template <class F>
  void for_each_outside(const Inside& in, F&& f) const {
    for (std::int64_t j = 0; j < in.first; ++j) f(j, mirrored(in.start + j));
    for (std::int64_t j = in.last; j < length; ++j) f(j, mirrored(in.start + j));
  }
};

template <class T>
PreparedKernel cut(Frames frames) {
  return make_kernel([frames](void* const* pointers, const RunContext&) {
    parallel_for(frames.workers, frames.signals * frames.count, 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t u = begin; u < end; ++u) {
                     const T* x =
                         static_cast<const T*>(pointers[0]) + u / frames.count * frames.size;
                     T* y = static_cast<T*>(pointers[1]) + u * frames.length;
                     const Frames::Inside in = frames.inside(u % frames.count);
                     std::copy(x + (in.start + in.first), x + (in.start + in.last), y + in.first);
                     frames.for_each_outside(
                         in, [&](std::int64_t j, std::int64_t i) { y[j] = i < 0 ? T() : x[i]; });
                   }
                 });
  });
}

// Adds the frames up in their order, as Sum, for samples [begin, end) of one signal.
template <class T, class Sum>
void add_frames(const Frames& frames, const T* x, Sum* y, std::int64_t begin, std::int64_t end) {
  std::fill(y + begin, y + end, Sum(0));
  for (std::int64_t f = 0; f < frames.count; ++f, x += frames.length) {
    const Frames::Inside in = frames.inside(f);
    const std::int64_t low = std::max(begin, in.start + in.first);
    const std::int64_t high = std::min(end, in.start + in.last);
    for (std::int64_t i = low; i < high; ++i) y[i] += static_cast<Sum>(x[i - in.start]);
    frames.for_each_outside(in, [&](std::int64_t j, std::int64_t i) {
      if (i >= begin && i < end) y[i] += static_cast<Sum>(x[j]);
    });
  }
}

// The workers share out the samples, so that each sum has one order.
template <class T>
PreparedKernel add(Frames frames) {
  constexpr bool kNarrow = sizeof(T) == 2;
  using Sum = std::conditional_t<kNarrow, float, T>;
  const std::int64_t samples = frames.signals * frames.size;
  return make_kernel(
      [frames, samples](void* const* pointers, const RunContext& context) {
        const T* x = static_cast<const T*>(pointers[0]);
        T* y = static_cast<T*>(pointers[1]);
        Sum* sums = static_cast<Sum*>(kNarrow ? context.scratch : pointers[1]);
        parallel_for(frames.workers, samples, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t s = begin / frames.size; s * frames.size < end; ++s) {
            const std::int64_t first = s * frames.size;
            add_frames(frames, x + s * frames.count * frames.length, sums + first,
                       std::max(begin, first) - first, std::min(end, first + frames.size) - first);
          }
          if constexpr (kNarrow) {
            for (std::int64_t i = begin; i < end; ++i) y[i] = T(sums[i]);
          }
        });
      },
      kNarrow ? static_cast<std::size_t>(samples) * sizeof(Sum) : 0);
}

// `signal` and `frames` are the shapes of both sides.
Frames frames_of(const KernelQuery& q, const Shape& signal, const Shape& frames) {
  Frames f;
  f.size = signal.at_back(-1);
  f.length = frames.at_back(-1);
  f.count = frames.at_back(-2);
  f.signals = f.size > 0 ? signal.elements() / f.size : 0;
  f.hop = q.attrs.integer("hop");
  f.pad = q.attrs.integer("pad");
  f.reflect = q.attrs.flag("reflect");
  f.workers = workers_for(5e-4 * static_cast<double>(frames.elements()), q.threads);
  return f;
}

PreparedKernel prepare_frame(const KernelQuery& q) {
  return for_size(size_of(q.inputs[0].dtype), [&](auto tag) {
    return cut<decltype(tag)>(frames_of(q, q.inputs[0].shape, q.outputs[0].shape));
  });
}

PreparedKernel prepare_overlap_add(const KernelQuery& q) {
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) -> PreparedKernel {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      throw InternalError("overlap_add: floats expected");
    } else {
      return add<T>(frames_of(q, q.outputs[0].shape, q.inputs[0].shape));
    }
  });
}

// Of a signal without samples only zeros of the padding can be cut.
bool has_samples(const KernelQuery& q) {
  const Shape& signal = q.op == Op::frame ? q.inputs[0].shape : q.outputs[0].shape;
  return signal.at_back(-1) > 0;
}

constexpr KernelRow kRows[] = {
    {Op::frame, "runs", has_samples, prepare_frame},
    {Op::overlap_add, "runs", has_samples, prepare_overlap_add},
};

}  // namespace

std::span<const KernelRow> frame_kernels() { return kRows; }

}  // namespace nacre::cpu
