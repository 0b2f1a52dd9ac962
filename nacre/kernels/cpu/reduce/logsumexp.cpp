// logsumexp over any axes: the maximum first, then the sum of exponentials below it, in double from
// stretch to stretch.
#include <algorithm>
#include <cmath>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/reduce/reduce_loops.h"
#include "nacre/kernels/cpu/reduce/reduce_simd.h"
#include "nacre/kernels/cpu/work.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/reduce/logsumexp.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Both return or add to the sum of exp(x - shift).
template <class T>
double exp_row(const void* from, std::size_t n, double shift) {
  constexpr std::size_t kStretch = 2048;
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* x = static_cast<const T*>(from);
  const auto s = hn::Set(d, static_cast<T>(shift));
  double total = 0;
  for (std::size_t at = 0; at < n; at += kStretch) {
    const std::size_t end = std::min(n, at + kStretch);
    auto sum = hn::Zero(d);
    std::size_t i = at;
    for (; i + lanes <= end; i += lanes) {
      sum = hn::Add(sum, exp(d, hn::Sub(hn::LoadU(d, x + i), s)));
    }
    if (i < end) {
      const auto last = exp(d, hn::Sub(load_some(d, x + i, end - i), s));
      sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, end - i), last));
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

template <class T>
void exp_columns(const void* from, std::size_t rows, std::size_t stride, std::size_t width,
                 const double* shifts, double* totals) {
  constexpr std::size_t kRows = 64;
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN T narrow[hn::MaxLanes(decltype(d)())];
  for (std::size_t c = 0; c < width; c += lanes) {
    const std::size_t count = std::min(lanes, width - c);
    const T* x = static_cast<const T*>(from) + c;
    for (std::size_t i = 0; i < lanes; ++i) {
      narrow[i] = i < count ? static_cast<T>(shifts[c + i]) : T(0);
    }
    const auto s = hn::Load(d, narrow);
    for (std::size_t at = 0; at < rows; at += kRows) {
      auto sum = hn::Zero(d);
      for (std::size_t r = at; r < std::min(rows, at + kRows); ++r) {
        const T* p = x + r * stride;
        const auto v = count == lanes ? hn::LoadU(d, p) : load_some(d, p, count);
        sum = hn::Add(sum, exp(d, hn::Sub(v, s)));
      }
      hn::Store(sum, d, narrow);
      for (std::size_t i = 0; i < count; ++i) totals[c + i] += static_cast<double>(narrow[i]);
    }
  }
}

using RowFn = double (*)(const void*, std::size_t, double);
using ColumnsFn = void (*)(const void*, std::size_t, std::size_t, std::size_t, const double*,
                           double*);
RowFn ExpRow(DType dtype) { return dtype == f64 ? exp_row<double> : exp_row<float>; }
ColumnsFn ExpColumns(DType dtype) {
  return dtype == f64 ? exp_columns<double> : exp_columns<float>;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
namespace {

HWY_EXPORT(ExpRow);
HWY_EXPORT(ExpColumns);

constexpr std::int64_t kWidth = static_cast<std::int64_t>(kReduceWidth);

// 16-bit floats are widened to f32 in scratch.
struct LogSumExp {
  ReduceLoops loops;
  ReduceFunctions max;
  double (*row)(const void*, std::size_t, double);
  void (*columns)(const void*, std::size_t, std::size_t, std::size_t, const double*, double*);
  DType dtype;  // of the loops: f32 or f64
  std::size_t size;
  std::int64_t elements;
  TileFn widen = nullptr;
  TileFn narrow = nullptr;
  int workers = 1;

  void operator()(void* const* pointers, const RunContext& context) const {
    const void* in = pointers[0];
    void* out = pointers[1];
    float* wide = static_cast<float*>(context.scratch);
    if (widen) {
      widen(&in, wide, static_cast<std::size_t>(elements), 0, nullptr);
      in = wide;
      out = wide + elements;
    }
    const std::int64_t blocks = (loops.inner + kWidth - 1) / kWidth;
    parallel_for(workers, loops.outputs * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      double values[kWidth];
      for (std::int64_t u = begin; u < end; ++u) {
        const std::int64_t column = u % blocks * kWidth;
        const std::int64_t width = std::min(kWidth, loops.inner - column);
        reduce(static_cast<const char*>(in), u / blocks, column, width, values);
        const std::int64_t at = u / blocks * loops.inner + column;
        if (dtype == f64) {
          std::copy_n(values, width, static_cast<double*>(out) + at);
        } else {
          for (std::int64_t i = 0; i < width; ++i) {
            static_cast<float*>(out)[at + i] = static_cast<float>(values[i]);
          }
        }
      }
    });
    if (widen) {
      const void* from = out;
      narrow(&from, pointers[1], static_cast<std::size_t>(loops.outputs * loops.inner), 0, nullptr);
    }
  }

  void reduce(const char* in, std::int64_t o, std::int64_t column, std::int64_t width,
              double* values) const {
    double top[kWidth];
    double total[kWidth];
    std::fill_n(top, width, max.start);
    std::fill_n(total, width, 0.0);
    const std::int64_t base = ReduceLoops::offset(loops.kept, o) + column;
    const auto n = static_cast<std::size_t>(loops.length);
    const auto inner = static_cast<std::size_t>(loops.inner);
    const auto w = static_cast<std::size_t>(width);
    const auto part = [&](std::int64_t r) {
      return in + static_cast<std::size_t>(base + ReduceLoops::offset(loops.reduced, r)) * size;
    };
    for (std::int64_t r = 0; r < loops.repeats; ++r) {
      if (inner == 1) {
        top[0] = max.row(part(r), n, top[0]);
      } else {
        max.columns(part(r), n, inner, w, top);
      }
    }
    // Below an infinite maximum there is nothing to add up; a NaN stays one.
    double shift[kWidth];
    for (std::int64_t i = 0; i < width; ++i) shift[i] = std::isinf(top[i]) ? 0 : top[i];
    for (std::int64_t r = 0; r < loops.repeats; ++r) {
      if (inner == 1) {
        total[0] += row(part(r), n, shift[0]);
      } else {
        columns(part(r), n, inner, w, shift, total);
      }
    }
    for (std::int64_t i = 0; i < width; ++i) {
      values[i] = std::isinf(top[i]) ? top[i] : top[i] + std::log(total[i]);
    }
  }
};

PreparedKernel prepare_logsumexp(const KernelQuery& q) {
  const DType dtype = q.inputs[0].dtype;
  const bool is_narrow = dtype == bf16 || dtype == f16;
  LogSumExp s{};
  s.loops = reduce_loops(q.inputs[0].shape, q.attrs.integers("axes"));
  s.dtype = is_narrow ? f32 : dtype;
  s.size = size_of(s.dtype);
  s.max = reduce_functions(Reduction::max, s.dtype);
  s.row = HWY_DYNAMIC_DISPATCH(ExpRow)(s.dtype);
  s.columns = HWY_DYNAMIC_DISPATCH(ExpColumns)(s.dtype);
  s.elements = q.inputs[0].elements();
  s.workers = workers_for(static_cast<double>(s.elements) * 6e-4, q.threads);
  std::size_t scratch = 0;
  if (is_narrow) {
    s.widen = find_cast(dtype, f32);
    s.narrow = find_cast(f32, dtype);
    scratch = static_cast<std::size_t>(s.elements + q.outputs[0].elements()) * sizeof(float);
  }
  return make_kernel(std::move(s), scratch);
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {{Op::logsumexp, "highway", supports_any, prepare_logsumexp}};

}  // namespace

std::span<const KernelRow> logsumexp_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif
