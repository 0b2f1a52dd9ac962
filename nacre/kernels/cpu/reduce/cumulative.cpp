// cumsum, cumprod, cummax, cummin: down rows of neighbouring lanes, or along several lanes at once.
#include <algorithm>
#include <cstring>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/strided.h"

namespace nacre::cpu {
namespace {

using op_defs::AxisView;

// Floats are collected in double and rounded once; i64 wraps round.
template <class T>
struct Widened {
  using type = double;
};
template <>
struct Widened<std::int64_t> {
  using type = std::uint64_t;
};

template <class T, class Wide>
T narrowed(Wide value) {
  if constexpr (sizeof(T) == 2) {
    return T(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

constexpr std::int64_t kLanes = 4;      // that hide each other's latency
constexpr std::int64_t kColumns = 256;  // whose totals are kept at once

template <class T, bool product>
struct Scan {
  using Wide = typename Widened<T>::type;
  AxisView view;
  bool exclusive;
  bool reverse;
  int workers = 1;

  static Wide join(Wide a, Wide b) {
    if constexpr (product) {
      return a * b;
    } else {
      return a + b;
    }
  }

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[1]);
    if (view.outer * view.length * view.inner == 0) return;
    if (view.inner == 1) {
      const std::int64_t groups = (view.outer + kLanes - 1) / kLanes;
      return parallel_for(workers, groups, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t g = begin; g < end; ++g) {
          const std::int64_t first = g * kLanes * view.length;
          const std::int64_t lanes = std::min(kLanes, view.outer - g * kLanes);
          if (lanes == kLanes) {
            four_rows(in + first, out + first);
          } else {
            for (std::int64_t l = 0; l < lanes; ++l) {
              row(in + first + l * view.length, out + first + l * view.length);
            }
          }
        }
      });
    }
    const std::int64_t blocks = (view.inner + kColumns - 1) / kColumns;
    parallel_for(workers, view.outer * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t u = begin; u < end; ++u) {
        const std::int64_t column = u % blocks * kColumns;
        const std::int64_t first = u / blocks * view.length * view.inner + column;
        columns(in + first, out + first, std::min(kColumns, view.inner - column));
      }
    });
  }

  std::int64_t place(std::int64_t k) const { return reverse ? view.length - 1 - k : k; }

  // One element of one lane; the totals are variables of their own, which stay in registers.
  Wide step(const T* in, T* out, Wide total) const {
    const Wide next = join(total, static_cast<Wide>(*in));
    *out = narrowed<T>(exclusive ? total : next);
    return next;
  }

  void row(const T* in, T* out) const {
    Wide total = product ? 1 : 0;
    for (std::int64_t k = 0; k < view.length; ++k) {
      total = step(in + place(k), out + place(k), total);
    }
  }

  void four_rows(const T* in, T* out) const {
    const std::int64_t n = view.length;
    Wide a = product ? 1 : 0;
    Wide b = a;
    Wide c = a;
    Wide d = a;
    for (std::int64_t k = 0; k < n; ++k) {
      const T* x = in + place(k);
      T* y = out + place(k);
      a = step(x, y, a);
      b = step(x + n, y + n, b);
      c = step(x + 2 * n, y + 2 * n, c);
      d = step(x + 3 * n, y + 3 * n, d);
    }
  }

  void columns(const T* in, T* out, std::int64_t width) const {
    Wide total[kColumns];
    std::fill_n(total, width, Wide(product ? 1 : 0));
    for (std::int64_t k = 0; k < view.length; ++k) {
      const T* x = in + place(k) * view.inner;
      T* y = out + place(k) * view.inner;
      if (exclusive) {
        for (std::int64_t c = 0; c < width; ++c) {
          const Wide next = join(total[c], static_cast<Wide>(x[c]));
          y[c] = narrowed<T>(total[c]);
          total[c] = next;
        }
      } else {
        for (std::int64_t c = 0; c < width; ++c) {
          total[c] = join(total[c], static_cast<Wide>(x[c]));
          y[c] = narrowed<T>(total[c]);
        }
      }
    }
  }
};

double microseconds_to_scan(const KernelQuery& q) {
  return 1e-3 * static_cast<double>(q.inputs[0].elements());
}

PreparedKernel prepare_scan(const KernelQuery& q) {
  const AxisView view(q.inputs[0].shape, q.attrs.integer("axis"));
  const bool exclusive = q.attrs.flag("exclusive");
  const bool reverse = q.attrs.flag("reverse");
  const int workers = workers_for(microseconds_to_scan(q), q.threads);
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) -> PreparedKernel {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, std::int64_t>) {
      throw InternalError("scan: floats or i64 expected");
    } else if (q.op == Op::cumprod) {
      return make_kernel(Scan<T, true>{view, exclusive, reverse, workers}, 0, 1);
    } else {
      return make_kernel(Scan<T, false>{view, exclusive, reverse, workers}, 0, 1);
    }
  });
}

bool supports_scan(const KernelQuery& q) {
  return is_floating(q.inputs[0].dtype) || q.inputs[0].dtype == i64;
}

// The running extreme and the place of the latest element that equals it; NaN stays.
template <class T, bool largest>
struct RunningExtreme {
  AxisView view;
  int workers = 1;

  static bool replaces(T b, T a) {
    if (b != b) return true;
    return a == a && (largest ? !(b < a) : !(a < b));
  }

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[1]);
    auto* places = static_cast<std::int64_t*>(pointers[2]);
    if (view.length == 0) return;
    parallel_for(workers, view.outer, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) {
        const std::int64_t first = o * view.length * view.inner;
        if (view.inner == 1) {
          row(in + first, out + first, places + first);
        } else {
          columns(in + first, out + first, places + first);
        }
      }
    });
  }

  void row(const T* in, T* out, std::int64_t* places) const {
    T best = in[0];
    std::int64_t place = 0;
    for (std::int64_t k = 0; k < view.length; ++k) {
      const bool better = replaces(in[k], best);
      best = better ? in[k] : best;
      place = better ? k : place;
      out[k] = best;
      places[k] = place;
    }
  }

  // Each row from the one before.
  void columns(const T* in, T* out, std::int64_t* places) const {
    std::copy_n(in, view.inner, out);
    std::fill_n(places, view.inner, std::int64_t{0});
    for (std::int64_t k = 1; k < view.length; ++k) {
      const T* x = in + k * view.inner;
      const T* before = out + (k - 1) * view.inner;
      const std::int64_t* place = places + (k - 1) * view.inner;
      T* y = out + k * view.inner;
      std::int64_t* at = places + k * view.inner;
      for (std::int64_t c = 0; c < view.inner; ++c) {
        const bool better = replaces(x[c], before[c]);
        y[c] = better ? x[c] : before[c];
        at[c] = better ? k : place[c];
      }
    }
  }
};

PreparedKernel prepare_extremes(const KernelQuery& q) {
  const AxisView view(q.inputs[0].shape, q.attrs.integer("axis"));
  const int workers = workers_for(2 * microseconds_to_scan(q), q.threads);
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return q.op == Op::cummax ? make_kernel(RunningExtreme<T, true>{view, workers})
                              : make_kernel(RunningExtreme<T, false>{view, workers});
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::cumsum, "lanes", supports_scan, prepare_scan},
    {Op::cumprod, "lanes", supports_scan, prepare_scan},
    {Op::cummax, "lanes", supports_any, prepare_extremes},
    {Op::cummin, "lanes", supports_any, prepare_extremes},
};

}  // namespace

std::span<const KernelRow> cumulative_kernels() { return kRows; }

}  // namespace nacre::cpu
