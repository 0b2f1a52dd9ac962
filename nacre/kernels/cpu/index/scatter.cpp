// scatter, put_along_axis, scatter_nd. The rows of the result are shared out between the workers;
// each walks through all updates in their order and merges those that go to its own rows, so the
// result does not depend on how many there are.
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

// The result as `outer` tables of `length` rows of `inner` elements; `updates` rows of updates for
// each table, or with `along` so many for each column.
struct Target {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
  std::int64_t updates = 1;
  bool along = false;
};

// Merges the updates to rows [begin, end) of all tables.
template <class T, class U, class Merge>
void merge_rows(const Target& t, const Places& places, const void* indices, const U* updates,
                std::int64_t begin, std::int64_t end, T* out, Merge merge) {
  std::int64_t at[Places::kBlock];
  for (std::int64_t o = begin / t.length; o * t.length < end; ++o) {
    const std::int64_t low = begin - o * t.length;
    const std::int64_t high = end - o * t.length;
    T* table = out + o * t.length * t.inner;
    if (!t.along) {
      const U* rows = updates + o * t.updates * t.inner;
      for (std::int64_t u = 0; u < t.updates;) {
        const std::int64_t n = std::min(Places::kBlock, t.updates - u);
        places.read(indices, u, n, at);
        for (std::int64_t i = 0; i < n; ++i, ++u) {
          if (at[i] < low || at[i] >= high) continue;
          T* to = table + at[i] * t.inner;
          const U* from = rows + u * t.inner;
          for (std::int64_t k = 0; k < t.inner; ++k) merge(to[k], from[k]);
        }
      }
      continue;
    }
    const std::int64_t run = t.inner == 1 ? t.updates : t.inner;
    const std::int64_t first = o * t.updates * t.inner;
    const std::int64_t last = first + t.updates * t.inner;
    for (std::int64_t u = first; u < last;) {
      const std::int64_t n = std::min(Places::kBlock, run - u % run);
      places.read(indices, u, n, at);
      const std::int64_t column = t.inner == 1 ? 0 : u % t.inner;
      const std::int64_t step = t.inner == 1 ? 0 : 1;
      for (std::int64_t i = 0; i < n; ++i, ++u) {
        if (at[i] < low || at[i] >= high) continue;
        merge(table[at[i] * t.inner + column + i * step], updates[u]);
      }
    }
  }
}

enum class Mode : std::uint8_t { set, add, max, min };

Mode mode_of(const Attrs& attrs) {
  const std::string& text = attrs.text("reduce");
  return text == "add"   ? Mode::add
         : text == "max" ? Mode::max
         : text == "min" ? Mode::min
                         : Mode::set;
}

// Merges updates U into a result kept as T: U itself, or f32 for sums of 16-bit floats.
template <class T, class U>
struct Scatter {
  Target target;
  Places places;
  Mode mode;
  std::int64_t elements;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext& context) const {
    const U* in = static_cast<const U*>(pointers[0]);
    U* out = static_cast<U*>(pointers[3]);
    if (elements == 0) return places.check(pointers[1]);
    const std::int64_t rows = target.outer * target.length;
    parallel_for(workers, rows, 1, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t first = begin * target.inner;
      const std::int64_t last = end * target.inner;
      if constexpr (std::is_same_v<T, U>) {
        copy_bytes(in + first, out + first, static_cast<std::size_t>(last - first) * sizeof(T), 1);
        merge(pointers, begin, end, out);
      } else {
        T* sums = static_cast<T*>(context.scratch);
        for (std::int64_t i = first; i < last; ++i) sums[i] = in[i];
        merge(pointers, begin, end, sums);
        for (std::int64_t i = first; i < last; ++i) out[i] = U(sums[i]);
      }
    });
  }

  // Integers wrap round.
  static T sum(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    } else {
      return a + b;
    }
  }

  void merge(void* const* pointers, std::int64_t begin, std::int64_t end, T* out) const {
    const auto with = [&](auto f) {
      merge_rows(target, places, pointers[1], static_cast<const U*>(pointers[2]), begin, end, out,
                 f);
    };
    if constexpr (std::is_unsigned_v<T> && sizeof(T) > 1) {
      with([](T& a, T b) { a = b; });  // elements that are only moved
    } else {
      switch (mode) {
        case Mode::set:
          return with([](T& a, U b) { a = static_cast<T>(b); });
        case Mode::add:
          return with([](T& a, U b) { a = sum(a, static_cast<T>(b)); });
        case Mode::max:
          return with([](T& a, U b) { a = a < b || b != b ? static_cast<T>(b) : a; });
        case Mode::min:
          return with([](T& a, U b) { a = b < a || b != b ? static_cast<T>(b) : a; });
      }
    }
  }
};

template <Addressing how>
Target target_of(const KernelQuery& q) {
  const Shape& x = q.inputs[0].shape;
  const Shape& indices = q.inputs[1].shape;
  Target t;
  if (how == Addressing::nd) {
    const int depth = static_cast<int>(indices.at_back(-1));
    for (int i = 0; i < x.rank(); ++i) (i < depth ? t.length : t.inner) *= x[i];
    for (int i = 0; i + 1 < indices.rank(); ++i) t.updates *= indices[i];
    return t;
  }
  const std::int64_t axis = q.attrs.integer("axis");
  const AxisView view(x, axis);
  t.outer = view.outer;
  t.length = view.length;
  t.inner = view.inner;
  t.along = how == Addressing::along;
  t.updates = t.along ? AxisView(indices, axis).length : indices.elements();
  return t;
}

template <class T, class U = T>
PreparedKernel prepare_as(const KernelQuery& q, const Target& target, Places places) {
  const auto elements = q.outputs[0].elements();
  const double microseconds = 2e-3 * static_cast<double>(q.inputs[1].elements()) +
                              3 * microseconds_to_move(static_cast<double>(q.inputs[2].bytes()));
  const std::size_t scratch =
      std::is_same_v<T, U> ? 0 : static_cast<std::size_t>(elements) * sizeof(T);
  return make_kernel(Scatter<T, U>{target, std::move(places), mode_of(q.attrs), elements,
                                   workers_for(microseconds, q.threads)},
                     scratch, 1);
}

template <Addressing how>
PreparedKernel prepare_scatter(const KernelQuery& q) {
  const Target target = target_of<how>(q);
  Places places(q, how);
  const DType dtype = q.inputs[0].dtype;
  const Mode mode = mode_of(q.attrs);
  if (mode == Mode::set) {
    return for_size(size_of(dtype), [&](auto tag) {
      return prepare_as<decltype(tag)>(q, target, std::move(places));
    });
  }
  return visit_dtype(dtype, [&](auto tag) -> PreparedKernel {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) {
      return prepare_as<float, T>(q, target, std::move(places));
    } else if constexpr (std::is_same_v<T, bool>) {
      throw InternalError("scatter: booleans can only be set");
    } else {
      return prepare_as<T>(q, target, std::move(places));
    }
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::scatter, "ordered", supports_any, prepare_scatter<Addressing::axis>},
    {Op::put_along_axis, "ordered", supports_any, prepare_scatter<Addressing::along>},
    {Op::scatter_nd, "ordered", supports_any, prepare_scatter<Addressing::nd>},
};

}  // namespace

std::span<const KernelRow> scatter_kernels() { return kRows; }

}  // namespace nacre::cpu
