// gather, take_along_axis, gather_nd, one_hot: slabs copied from where indices say.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/index/places.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/shape/runs.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

using op_defs::Addressing;
using op_defs::AxisView;

// Copies `count` slabs of one size to consecutive places.
template <class T>
void take_elements(const char* from, const std::int64_t* places, std::int64_t count, char* to) {
  const T* in = reinterpret_cast<const T*>(from);
  T* out = reinterpret_cast<T*>(to);
  for (std::int64_t i = 0; i < count; ++i) out[i] = in[places[i]];
}

void take_slabs(const char* from, std::int64_t bytes, const std::int64_t* places,
                std::int64_t count, char* to) {
  if (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) {
    return for_size(static_cast<std::size_t>(bytes),
                    [&](auto tag) { take_elements<decltype(tag)>(from, places, count, to); });
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * bytes, from + places[i] * bytes, static_cast<std::size_t>(bytes));
  }
}

double microseconds_to_gather(const KernelQuery& q) {
  return 1e-3 * static_cast<double>(q.inputs[1].elements()) +
         2 * microseconds_to_move(static_cast<double>(q.outputs[0].bytes()));
}

// Slabs of `bytes`; an array of them for each of `outer` tables of `length` slabs.
struct Gather {
  Places places;
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t bytes = 1;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const char* in = static_cast<const char*>(pointers[0]);
    char* out = static_cast<char*>(pointers[2]);
    if (outer * bytes == 0) return places.check(pointers[1]);
    const std::int64_t count = places.count();
    parallel_for(workers, outer * count, 1, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t at[Places::kBlock];
      while (begin < end) {
        const std::int64_t first = begin % count;
        const std::int64_t n = std::min({Places::kBlock, count - first, end - begin});
        places.read(pointers[1], first, n, at);
        take_slabs(in + begin / count * length * bytes, bytes, at, n, out + begin * bytes);
        begin += n;
      }
    });
  }
};

PreparedKernel prepare_gather(const KernelQuery& q) {
  const AxisView view(q.inputs[0].shape, q.attrs.integer("axis"));
  const auto size = static_cast<std::int64_t>(size_of(q.inputs[0].dtype));
  return make_kernel(Gather{Places(q, Addressing::axis), view.outer, view.length, view.inner * size,
                            workers_for(microseconds_to_gather(q), q.threads)});
}

PreparedKernel prepare_gather_nd(const KernelQuery& q) {
  const Shape& x = q.inputs[0].shape;
  auto slab = static_cast<std::int64_t>(size_of(q.inputs[0].dtype));
  for (int i = static_cast<int>(q.inputs[1].shape.at_back(-1)); i < x.rank(); ++i) slab *= x[i];
  return make_kernel(Gather{Places(q, Addressing::nd), 1, 0, slab,
                            workers_for(microseconds_to_gather(q), q.threads)});
}

template <class T>
struct TakeAlongAxis {
  Places places;
  AxisView from;
  std::int64_t length;  // of the axis of the indices
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[2]);
    const std::int64_t inner = from.inner;
    // Places whose table and column go on by the same step: lanes of the axis, or rows below it.
    const std::int64_t run = inner == 1 ? length : inner;
    parallel_for(workers, places.count(), 1, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t at[Places::kBlock];
      while (begin < end) {
        const std::int64_t n = std::min({Places::kBlock, run - begin % run, end - begin});
        places.read(pointers[1], begin, n, at);
        const T* table = in + begin / (length * inner) * from.length * inner;
        if (inner == 1) {
          for (std::int64_t i = 0; i < n; ++i) out[begin + i] = table[at[i]];
        } else {
          const T* column = table + begin % inner;
          for (std::int64_t i = 0; i < n; ++i) out[begin + i] = column[at[i] * inner + i];
        }
        begin += n;
      }
    });
  }
};

PreparedKernel prepare_take_along_axis(const KernelQuery& q) {
  const std::int64_t axis = q.attrs.integer("axis");
  return for_size(size_of(q.inputs[0].dtype), [&](auto tag) {
    return make_kernel(TakeAlongAxis<decltype(tag)>{
        Places(q, Addressing::along), AxisView(q.inputs[0].shape, axis),
        AxisView(q.inputs[1].shape, axis).length,
        workers_for(3 * microseconds_to_gather(q), q.threads)});
  });
}

PreparedKernel prepare_one_hot(const KernelQuery& q) {
  const Shape& shape = q.outputs[0].shape;
  const std::int64_t axis = q.attrs.integer("axis");
  const int a = static_cast<int>(axis < 0 ? axis + shape.rank() : axis);
  const AxisView view(shape, a);
  return visit_dtype(q.outputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return make_kernel([places = Places(Op::one_hot, q.inputs[0], view.length,
                                        q.attrs.flag_or("negative", false)),
                        view, workers = workers_to_move(q.outputs, q.threads)](
                           void* const* pointers, const RunContext&) {
      if (places.count() == 0 || view.length == 0) return places.check(pointers[0]);
      T* out = static_cast<T*>(pointers[1]);
      parallel_for(workers, view.outer, 1, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t slab = view.length * view.inner;
        std::memset(static_cast<void*>(out + begin * slab), 0,
                    static_cast<std::size_t>((end - begin) * slab) * sizeof(T));
        std::int64_t at[Places::kBlock];
        for (std::int64_t i = begin * view.inner; i < end * view.inner;) {
          const std::int64_t n = std::min(Places::kBlock, end * view.inner - i);
          places.read(pointers[0], i, n, at);
          for (std::int64_t k = 0; k < n; ++k, ++i) {
            out[i / view.inner * slab + at[k] * view.inner + i % view.inner] = static_cast<T>(1.0f);
          }
        }
      });
    });
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::gather, "runs", supports_any, prepare_gather},
    {Op::take_along_axis, "index", supports_any, prepare_take_along_axis},
    {Op::gather_nd, "runs", supports_any, prepare_gather_nd},
    {Op::one_hot, "index", supports_any, prepare_one_hot},
};

}  // namespace

std::span<const KernelRow> gather_kernels() { return kRows; }

}  // namespace nacre::cpu
