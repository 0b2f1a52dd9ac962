// softmax and log_softmax: along contiguous rows, or down columns a vector at a time.
#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/reduce/softmax.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// y may be x. The sum of exponentials is kept in double from stretch to stretch.
template <class T>
void softmax_row(const void* from, void* to, std::size_t n, bool logarithm) {
  constexpr std::size_t kStretch = 2048;
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* x = static_cast<const T*>(from);
  T* y = static_cast<T*>(to);
  const auto lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  const auto load = [&](std::size_t i) HWY_ATTR {
    if (i + lanes <= n) return hn::LoadU(d, x + i);
    return hn::IfThenElse(hn::FirstN(d, n - i), load_some(d, x + i, n - i), lowest);
  };
  const auto store = [&](auto v, std::size_t i) HWY_ATTR {
    if (i + lanes <= n) {
      hn::StoreU(v, d, y + i);
    } else {
      store_some(d, v, y + i, n - i);
    }
  };
  auto top = lowest;
  for (std::size_t i = 0; i < n; i += lanes) top = hn::Max(load(i), top);
  top = hn::MaxOfLanes(d, top);
  double total = 0;
  for (std::size_t at = 0; at < n; at += kStretch) {
    const std::size_t end = std::min(n, at + kStretch);
    auto sum = hn::Zero(d);
    for (std::size_t i = at; i < end; i += lanes) {
      const auto e = exp(d, hn::Sub(load(i), top));
      sum = hn::Add(sum, e);
      if (!logarithm) store(e, i);
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  if (logarithm) {
    const auto shift = hn::Set(d, static_cast<T>(std::log(total)));
    for (std::size_t i = 0; i < n; i += lanes) {
      store(hn::Sub(hn::Sub(load(i), top), shift), i);
    }
    return;
  }
  const auto scale = hn::Set(d, static_cast<T>(1 / total));
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, y + i), scale), d, y + i);
  if (i < n) store_some(d, hn::Mul(load_some(d, y + i, n - i), scale), y + i, n - i);
}

// `rows` rows of `inner` elements; each column is one distribution.
template <class T>
void softmax_columns(const void* from, void* to, std::size_t rows, std::size_t inner,
                     bool logarithm) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < inner; c += lanes) {
    const std::size_t width = std::min(lanes, inner - c);
    const T* x = static_cast<const T*>(from) + c;
    T* y = static_cast<T*>(to) + c;
    const auto load = [&](const T* p, std::size_t r) HWY_ATTR {
      return width == lanes ? hn::LoadU(d, p + r * inner) : load_some(d, p + r * inner, width);
    };
    const auto store = [&](auto v, std::size_t r) HWY_ATTR {
      if (width == lanes) {
        hn::StoreU(v, d, y + r * inner);
      } else {
        store_some(d, v, y + r * inner, width);
      }
    };
    auto top = load(x, 0);
    for (std::size_t r = 1; r < rows; ++r) top = hn::Max(load(x, r), top);
    auto sum = hn::Zero(d);
    for (std::size_t r = 0; r < rows; ++r) {
      const auto e = exp(d, hn::Sub(load(x, r), top));
      sum = hn::Add(sum, e);
      if (!logarithm) store(e, r);
    }
    if (logarithm) {
      const auto shift = log(d, sum);
      for (std::size_t r = 0; r < rows; ++r) store(hn::Sub(hn::Sub(load(x, r), top), shift), r);
    } else {
      const auto scale = hn::Div(hn::Set(d, T(1)), sum);
      for (std::size_t r = 0; r < rows; ++r) store(hn::Mul(load(y, r), scale), r);
    }
  }
}

using LineFn = void (*)(const void*, void*, std::size_t, bool);
using ColumnsFn = void (*)(const void*, void*, std::size_t, std::size_t, bool);
LineFn RowFunction(DType dtype) { return dtype == f64 ? softmax_row<double> : softmax_row<float>; }
ColumnsFn ColumnsFunction(DType dtype) {
  return dtype == f64 ? softmax_columns<double> : softmax_columns<float>;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
namespace {

HWY_EXPORT(RowFunction);
HWY_EXPORT(ColumnsFunction);

// 16-bit floats are widened, one [length, inner] block at a time, in scratch.
struct Softmax {
  void (*row)(const void*, void*, std::size_t, bool);
  void (*columns)(const void*, void*, std::size_t, std::size_t, bool);
  bool logarithm;
  std::size_t outer, length, inner;
  std::size_t size;  // of an element
  TileFn widen = nullptr;
  TileFn narrow = nullptr;
  int workers = 1;

  void lines(const void* from, void* to) const {
    if (inner == 1) {
      row(from, to, length, logarithm);
    } else {
      columns(from, to, length, inner, logarithm);
    }
  }

  void operator()(void* const* pointers, const RunContext& context) const {
    const std::size_t block = length * inner;
    if (block == 0) return;
    const auto part = (static_cast<std::int64_t>(outer) + workers - 1) / workers;
    parallel_for(
        workers, static_cast<std::int64_t>(outer), 1, [&](std::int64_t begin, std::int64_t end) {
          float* wide =
              static_cast<float*>(context.scratch) + static_cast<std::size_t>(begin / part) * block;
          for (std::int64_t o = begin; o < end; ++o) {
            const std::size_t at = static_cast<std::size_t>(o) * block * size;
            const void* from = static_cast<const char*>(pointers[0]) + at;
            char* to = static_cast<char*>(pointers[1]) + at;
            if (!widen) {
              lines(from, to);
              continue;
            }
            widen(&from, wide, block, 0, nullptr);
            lines(wide, wide);
            const void* result = wide;
            narrow(&result, to, block, 0, nullptr);
          }
        });
  }
};

PreparedKernel prepare_softmax(const KernelQuery& q) {
  const Shape& shape = q.inputs[0].shape;
  const DType dtype = q.inputs[0].dtype;
  std::int64_t axis = q.attrs.integer("axis");
  if (axis < 0) axis += shape.rank();
  Softmax s{};
  s.row = HWY_DYNAMIC_DISPATCH(RowFunction)(dtype);
  s.columns = HWY_DYNAMIC_DISPATCH(ColumnsFunction)(dtype);
  s.logarithm = q.op == Op::log_softmax;
  s.outer = s.inner = 1;
  for (int d = 0; d < shape.rank(); ++d) {
    const auto n = static_cast<std::size_t>(shape[d]);
    if (d < axis) s.outer *= n;
    if (d == axis) s.length = n;
    if (d > axis) s.inner *= n;
  }
  s.size = size_of(dtype);
  if (dtype == bf16 || dtype == f16) {
    s.widen = find_cast(dtype, f32);
    s.narrow = find_cast(f32, dtype);
  }
  s.workers = workers_for(static_cast<double>(shape.elements()) * 8e-4, q.threads);
  const std::size_t scratch =
      s.widen ? static_cast<std::size_t>(s.workers) * s.length * s.inner * sizeof(float) : 0;
  return make_kernel(s, scratch, 1);
}

bool supports_any(const KernelQuery&) { return true; }

constexpr KernelRow kRows[] = {
    {Op::softmax, "highway", supports_any, prepare_softmax},
    {Op::log_softmax, "highway", supports_any, prepare_softmax},
};

}  // namespace

std::span<const KernelRow> softmax_kernels() { return kRows; }

}  // namespace nacre::cpu
#endif
