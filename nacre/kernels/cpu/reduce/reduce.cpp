// Reductions over any axes: rows where the reduced axes are innermost, columns where they are not.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/reduce_loops.h"
#include "nacre/kernels/cpu/reduce/reduce_simd.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {
namespace {

constexpr std::int64_t kWidth = static_cast<std::int64_t>(kReduceWidth);

Reduction reduction_of(Op op) {
  switch (op) {
    case Op::reduce_prod:
      return Reduction::product;
    case Op::reduce_norm:
    case Op::reduce_mean_square:
      return Reduction::squares;
    case Op::reduce_max:
      return Reduction::max;
    case Op::reduce_min:
      return Reduction::min;
    case Op::reduce_any:
      return Reduction::any;
    case Op::reduce_all:
      return Reduction::all;
    default:
      return Reduction::sum;
  }
}

// One reduction of floats. Results are collected in double and rounded once.
struct FloatReduction {
  ReduceLoops loops;
  ReduceFunctions functions;
  Reduction kind;
  DType dtype;
  double count = 0;           // elements of an output, where the result is a mean; else 0
  TileFn to_f32 = nullptr;    // of 16-bit floats
  TileFn from_f32 = nullptr;  // back
  int workers = 1;
  bool split = false;  // the workers share the innermost reduced run, not the outputs

  std::size_t size() const { return size_of(dtype); }
  double join(double a, double b) const {
    if (kind == Reduction::sum || kind == Reduction::squares) return a + b;
    if (kind == Reduction::product) return a * b;
    if (a != a || b != b) return a != a ? a : b;
    return kind == Reduction::max ? std::max(a, b) : std::min(a, b);
  }

  double row(const char* x, std::int64_t n, double so_far) const {
    if (!to_f32) return functions.row(x, static_cast<std::size_t>(n), so_far);
    float wide[kWidth];
    for (std::int64_t i = 0; i < n; i += kWidth) {
      const auto count = static_cast<std::size_t>(std::min(kWidth, n - i));
      const void* from = x + static_cast<std::size_t>(i) * size();
      to_f32(&from, wide, count, 0, nullptr);
      so_far = functions.row(wide, count, so_far);
    }
    return so_far;
  }

  void columns(const char* x, std::int64_t rows, std::int64_t width, double* so_far) const {
    const auto stride = static_cast<std::size_t>(loops.inner);
    const auto w = static_cast<std::size_t>(width);
    if (!to_f32) return functions.columns(x, static_cast<std::size_t>(rows), stride, w, so_far);
    constexpr std::int64_t kRows = 8;
    float wide[kRows * kWidth];
    for (std::int64_t r = 0; r < rows; r += kRows) {
      const std::int64_t count = std::min(kRows, rows - r);
      for (std::int64_t i = 0; i < count; ++i) {
        const void* from = x + static_cast<std::size_t>(r + i) * stride * size();
        to_f32(&from, wide + i * width, w, 0, nullptr);
      }
      functions.columns(wide, static_cast<std::size_t>(count), w, w, so_far);
    }
  }

  // Output o, columns [column, column + width), rows [first, last) of the innermost reduced run.
  void reduce(const char* in, std::int64_t o, std::int64_t column, std::int64_t width,
              std::int64_t first, std::int64_t last, double* so_far) const {
    std::fill_n(so_far, width, functions.start);
    const std::int64_t base = ReduceLoops::offset(loops.kept, o) + column + first * loops.inner;
    for (std::int64_t r = 0; r < loops.repeats; ++r) {
      const char* x =
          in + static_cast<std::size_t>(base + ReduceLoops::offset(loops.reduced, r)) * size();
      if (loops.inner == 1) {
        so_far[0] = row(x, last - first, so_far[0]);
      } else {
        columns(x, last - first, width, so_far);
      }
    }
  }

  // Calls f with each element, in double, of output o, column `column`.
  template <class F>
  void for_each_element(const char* in, std::int64_t o, std::int64_t column, F&& f) const {
    const std::int64_t base = ReduceLoops::offset(loops.kept, o) + column;
    for (std::int64_t r = 0; r < loops.repeats; ++r) {
      const std::int64_t first = base + ReduceLoops::offset(loops.reduced, r);
      for (std::int64_t k = 0; k < loops.length; ++k) {
        const void* at = in + static_cast<std::size_t>(first + k * loops.inner) * size();
        float narrow = 0;
        if (to_f32) to_f32(&at, &narrow, 1, 0, nullptr);
        f(to_f32         ? static_cast<double>(narrow)
          : dtype == f64 ? *static_cast<const double*>(at)
                         : static_cast<double>(*static_cast<const float*>(at)));
      }
    }
  }

  // The sum, or its part of the mean, where a chain in the dtype overflowed: the sum need not.
  double sum_of(const char* in, std::int64_t o, std::int64_t column, double sum) const {
    if (std::isfinite(sum)) return count > 0 ? sum / count : sum;
    long double total = 0;
    for_each_element(in, o, column, [&](double v) { total += v; });
    return static_cast<double>(count > 0 ? total / count : total);
  }

  // The norm, or the mean square, of what was summed to `squares` where that neither overflowed
  // nor vanished, else of numbers relative to the largest. Only f64 comes to that.
  double norm_of(const char* in, std::int64_t o, std::int64_t column, double squares) const {
    const bool regular = (squares > 1e-280 && squares < 1e300) || squares != squares;
    if (dtype != f64 || regular) return count > 0 ? squares / count : std::sqrt(squares);
    double largest = 0;
    for_each_element(in, o, column, [&](double v) { largest = std::max(largest, std::fabs(v)); });
    if (largest == 0 || std::isinf(largest)) return largest;
    double total = 0;
    for_each_element(in, o, column, [&](double v) { total += v / largest * (v / largest); });
    if (count > 0) return largest * (total / count) * largest;
    return largest * std::sqrt(total);
  }

  void finish(const char* in, std::int64_t o, std::int64_t column, double* values,
              std::int64_t n) const {
    if (kind == Reduction::squares) {
      for (std::int64_t i = 0; i < n; ++i) values[i] = norm_of(in, o, column + i, values[i]);
    }
    if (kind == Reduction::sum) {
      for (std::int64_t i = 0; i < n; ++i) values[i] = sum_of(in, o, column + i, values[i]);
    }
  }

  void store(char* out, std::int64_t at, const double* values, std::int64_t n) const {
    if (dtype == f64) {
      std::copy_n(values, n, reinterpret_cast<double*>(out) + at);
      return;
    }
    float narrow[kWidth];
    for (std::int64_t i = 0; i < n; ++i) narrow[i] = static_cast<float>(values[i]);
    if (!from_f32) {
      std::copy_n(narrow, n, reinterpret_cast<float*>(out) + at);
      return;
    }
    const void* from = narrow;
    from_f32(&from, out + static_cast<std::size_t>(at) * size(), static_cast<std::size_t>(n), 0,
             nullptr);
  }

  std::int64_t column_blocks() const { return (loops.inner + kWidth - 1) / kWidth; }

  void operator()(void* const* pointers, const RunContext& context) const {
    const char* in = static_cast<const char*>(pointers[0]);
    char* out = static_cast<char*>(pointers[1]);
    if (split) return run_split(in, out, static_cast<double*>(context.scratch));
    const std::int64_t blocks = column_blocks();
    parallel_for(workers, loops.outputs * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      std::array<double, kWidth> values;
      for (std::int64_t u = begin; u < end; ++u) {
        const std::int64_t o = u / blocks;
        const std::int64_t column = u % blocks * kWidth;
        const std::int64_t width = std::min(kWidth, loops.inner - column);
        reduce(in, o, column, width, 0, loops.length, values.data());
        finish(in, o, column, values.data(), width);
        store(out, o * loops.inner + column, values.data(), width);
      }
    });
  }

  // Each worker reduces its part of every run; the parts are joined in their order.
  void run_split(const char* in, char* out, double* parts) const {
    const std::int64_t count = loops.outputs * loops.inner;
    const std::int64_t part = (loops.length + workers - 1) / workers;
    parallel_for(workers, workers, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = begin; w < end; ++w) {
        const std::int64_t first = std::min(loops.length, w * part);
        const std::int64_t last = std::min(loops.length, first + part);
        for (std::int64_t o = 0; o < loops.outputs; ++o) {
          for (std::int64_t column = 0; column < loops.inner; column += kWidth) {
            reduce(in, o, column, std::min(kWidth, loops.inner - column), first, last,
                   parts + w * count + o * loops.inner + column);
          }
        }
      }
    });
    for (std::int64_t w = 1; w < workers; ++w) {
      for (std::int64_t i = 0; i < count; ++i) parts[i] = join(parts[i], parts[w * count + i]);
    }
    for (std::int64_t o = 0; o < loops.outputs; ++o) {
      finish(in, o, 0, parts + o * loops.inner, loops.inner);
    }
    for (std::int64_t i = 0; i < count; i += kWidth) {
      store(out, i, parts + i, std::min(kWidth, count - i));
    }
  }
};

double microseconds_for(const KernelQuery& q) {
  return static_cast<double>(q.inputs[0].elements()) * 1e-4 +
         microseconds_to_move(static_cast<double>(q.inputs[0].bytes()));
}

PreparedKernel prepare_float(const KernelQuery& q) {
  FloatReduction r;
  r.dtype = q.inputs[0].dtype;
  r.loops = reduce_loops(q.inputs[0].shape, q.attrs.integers("axes"));
  r.kind = reduction_of(q.op);
  const bool narrow = r.dtype != f32 && r.dtype != f64;
  r.functions = reduce_functions(r.kind, narrow ? f32 : r.dtype);
  if (narrow) {
    r.to_f32 = find_cast(r.dtype, f32);
    r.from_f32 = find_cast(f32, r.dtype);
  }
  if (q.op == Op::reduce_mean || q.op == Op::reduce_mean_square) {
    r.count = static_cast<double>(q.inputs[0].elements()) /
              static_cast<double>(std::max<std::int64_t>(1, q.outputs[0].elements()));
  }
  r.workers = workers_for(microseconds_for(q), q.threads);
  r.split = r.workers > 1 && r.loops.outputs * r.column_blocks() < r.workers;
  const std::size_t scratch = r.split ? static_cast<std::size_t>(r.workers) *
                                            static_cast<std::size_t>(q.outputs[0].elements()) *
                                            sizeof(double)
                                      : 0;
  return make_kernel(std::move(r), scratch);
}

// Integers: exact whatever the order, so plain loops do.
template <class T>
struct IntegerReduction {
  ReduceLoops loops;
  Reduction kind;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    T* out = static_cast<T*>(pointers[1]);
    parallel_for(workers, loops.outputs, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) reduce(in, o, out + o * loops.inner);
    });
  }

  void reduce(const T* in, std::int64_t o, T* out) const {
    const T* x = in + ReduceLoops::offset(loops.kept, o);
    using U = std::make_unsigned_t<T>;
    switch (kind) {
      case Reduction::squares:
        break;  // floats only
      case Reduction::sum:
        return fold(x, out, T(0), [](T a, T b) { return static_cast<T>(U(a) + U(b)); });
      case Reduction::product:  // in 64 bits, so that no smaller type is promoted to int
        return fold(x, out, T(1), [](T a, T b) {
          return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
        });
      case Reduction::max:
        return fold(x, out, std::numeric_limits<T>::lowest(),
                    [](T a, T b) { return std::max(a, b); });
      case Reduction::min:
        return fold(x, out, std::numeric_limits<T>::max(), [](T a, T b) { return std::min(a, b); });
      case Reduction::any:
        return fold(x, out, T(0), [](T a, T b) { return static_cast<T>(a | b); });
      case Reduction::all:
        return fold(x, out, T(1), [](T a, T b) { return static_cast<T>(a & b); });
    }
  }

  template <class Join>
  void fold(const T* in, T* out, T start, Join join) const {
    std::fill_n(out, loops.inner, start);
    for (std::int64_t r = 0; r < loops.repeats; ++r) {
      const T* x = in + ReduceLoops::offset(loops.reduced, r);
      if (loops.inner == 1) {
        T total = out[0];
        for (std::int64_t k = 0; k < loops.length; ++k) total = join(total, x[k]);
        out[0] = total;
        continue;
      }
      for (std::int64_t k = 0; k < loops.length; ++k, x += loops.inner) {
        for (std::int64_t i = 0; i < loops.inner; ++i) out[i] = join(out[i], x[i]);
      }
    }
  }
};

PreparedKernel prepare_reduce(const KernelQuery& q) {
  if (is_floating(q.inputs[0].dtype)) return prepare_float(q);
  const auto as = [&]<class T>(std::type_identity<T>) {
    return make_kernel(
        IntegerReduction<T>{reduce_loops(q.inputs[0].shape, q.attrs.integers("axes")),
                            reduction_of(q.op), workers_for(10 * microseconds_for(q), q.threads)});
  };
  switch (q.inputs[0].dtype) {
    case DType::i8:
      return as(std::type_identity<std::int8_t>{});
    case DType::u8:
    case DType::boolean:  // bytes of 0 and 1
      return as(std::type_identity<std::uint8_t>{});
    case DType::i32:
      return as(std::type_identity<std::int32_t>{});
    default:
      return as(std::type_identity<std::int64_t>{});
  }
}

bool supports_reduce(const KernelQuery& q) {
  return q.inputs[0].dtype != boolean && q.outputs[0].dtype == q.inputs[0].dtype;
}

// The mean of nothing is left to the reference.
bool supports_some(const KernelQuery& q) {
  return supports_reduce(q) && q.inputs[0].elements() > 0;
}

bool supports_logical(const KernelQuery& q) { return q.inputs[0].dtype == boolean; }

// argmax, argmin along one axis.
template <class T>
struct ArgReduction {
  ReduceLoops loops;
  bool largest;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext&) const {
    const T* in = static_cast<const T*>(pointers[0]);
    std::int64_t* out = static_cast<std::int64_t*>(pointers[1]);
    parallel_for(workers, loops.outputs, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) {
        const T* x = in + ReduceLoops::offset(loops.kept, o);
        if (loops.inner == 1) {
          out[o] = find(x);
        } else {
          find_columns(x, out + o * loops.inner);
        }
      }
    });
  }

  std::int64_t find(const T* x) const {
    if constexpr (std::is_same_v<T, float>) {
      return static_cast<std::int64_t>(
          first_extreme(x, static_cast<std::size_t>(loops.length), largest));
    } else {
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < loops.length; ++i) {
        if (better(x[i], x[best])) best = i;
      }
      return best;
    }
  }

  void find_columns(const T* x, std::int64_t* out) const {
    std::fill_n(out, loops.inner, std::int64_t{0});
    for (std::int64_t r = 1; r < loops.length; ++r) {
      const T* row = x + r * loops.inner;
      for (std::int64_t i = 0; i < loops.inner; ++i) {
        if (better(row[i], x[out[i] * loops.inner + i])) out[i] = r;
      }
    }
  }

  // NaN is best of all, as it is the maximum and the minimum.
  bool better(T a, T b) const { return (largest ? b < a : a < b) || (a != a && b == b); }
};

PreparedKernel prepare_arg(const KernelQuery& q) {
  const std::array<std::int64_t, 1> axis = {q.attrs.integer("axis")};
  return visit_dtype(q.inputs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return make_kernel(ArgReduction<T>{reduce_loops(q.inputs[0].shape, axis), q.op == Op::argmax,
                                       workers_for(5 * microseconds_for(q), q.threads)});
  });
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::reduce_sum, "highway", supports_reduce, prepare_reduce},
    {Op::reduce_prod, "highway", supports_reduce, prepare_reduce},
    {Op::reduce_norm, "highway", supports_reduce, prepare_reduce},
    {Op::reduce_mean, "highway", supports_some, prepare_reduce},
    {Op::reduce_mean_square, "highway", supports_some, prepare_reduce},
    {Op::reduce_any, "direct", supports_logical, prepare_reduce},
    {Op::reduce_all, "direct", supports_logical, prepare_reduce},
    {Op::reduce_max, "highway", supports_reduce, prepare_reduce},
    {Op::reduce_min, "highway", supports_reduce, prepare_reduce},
    {Op::argmax, "direct", supports_any, prepare_arg},
    {Op::argmin, "direct", supports_any, prepare_arg},
};

}  // namespace

std::span<const KernelRow> reduce_kernels() { return kRows; }

}  // namespace nacre::cpu
