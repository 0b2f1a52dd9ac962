#include "nacre/kernels/cpu/reduce/reduce_simd.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/reduce/reduce_simd.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Longest chain of additions in the dtype; blocks are added up in f64. The error of a sum grows
// with it, so it is the same whatever the width of a vector.
constexpr std::size_t kChain = 32;
constexpr std::size_t kColumnBlock = 64;  // rows

struct SumOf {
  static constexpr double kStart = 0;
  template <class D, class V>
  static HWY_INLINE V join(D, V a, V b) {
    return hn::Add(a, b);
  }
  static double join(double a, double b) { return a + b; }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> lanes(D d, V v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
  }
};
template <bool largest>
struct ExtremeOf {
  static constexpr double kStart =
      largest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  template <class D, class V>
  static HWY_INLINE V join(D d, V a, V b) {
    if constexpr (largest) {
      return max_or_nan(d, a, b);
    } else {
      return min_or_nan(d, a, b);
    }
  }
  static double join(double a, double b) {
    if (a != a) return a;
    if (b != b) return b;
    return largest ? (a < b ? b : a) : (b < a ? b : a);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> lanes(D d, V v) {
    if (!hn::AllFalse(d, hn::IsNaN(v))) {
      return std::numeric_limits<hn::TFromD<D>>::quiet_NaN();
    }
    return largest ? hn::GetLane(hn::MaxOfLanes(d, v)) : hn::GetLane(hn::MinOfLanes(d, v));
  }
};

template <class T, class R>
double reduce_row(const void* data, std::size_t n, double so_far) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* x = static_cast<const T*>(data);
  const auto start = hn::Set(d, static_cast<T>(R::kStart));
  const std::size_t block = 4 * kChain * lanes;
  for (std::size_t at = 0; at < n; at += block) {
    const std::size_t end = std::min(n, at + block);
    std::size_t i = at;
    auto a = start;
    if (end - i >= 4 * lanes) {
      auto b = start;
      auto c = start;
      auto e = start;
      for (; i + 4 * lanes <= end; i += 4 * lanes) {
        a = R::join(d, a, hn::LoadU(d, x + i));
        b = R::join(d, b, hn::LoadU(d, x + i + lanes));
        c = R::join(d, c, hn::LoadU(d, x + i + 2 * lanes));
        e = R::join(d, e, hn::LoadU(d, x + i + 3 * lanes));
      }
      a = R::join(d, R::join(d, a, b), R::join(d, c, e));
    }
    for (; i + lanes <= end; i += lanes) a = R::join(d, a, hn::LoadU(d, x + i));
    if (i < end) {
      const auto last = hn::IfThenElse(hn::FirstN(d, end - i), load_some(d, x + i, end - i), start);
      a = R::join(d, a, last);
    }
    so_far = R::join(so_far, static_cast<double>(R::lanes(d, a)));
  }
  return so_far;
}

template <class T, class R>
void reduce_columns(const void* data, std::size_t rows, std::size_t stride, std::size_t width,
                    double* so_far) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN T block[kReduceWidth + hn::MaxLanes(decltype(d)())];
  for (std::size_t at = 0; at < rows; at += kColumnBlock) {
    const T* x = static_cast<const T*>(data) + at * stride;
    const std::size_t count = std::min(kColumnBlock, rows - at);
    std::fill_n(block, width, static_cast<T>(R::kStart));
    std::size_t r = 0;
    for (; r + 4 <= count; r += 4) {
      const T* p = x + r * stride;
      const auto join4 = [&](auto a, auto b, auto c, auto e)
                             HWY_ATTR { return R::join(d, R::join(d, a, b), R::join(d, c, e)); };
      std::size_t c = 0;
      for (; c + lanes <= width; c += lanes) {
        const auto four = join4(hn::LoadU(d, p + c), hn::LoadU(d, p + stride + c),
                                hn::LoadU(d, p + 2 * stride + c), hn::LoadU(d, p + 3 * stride + c));
        hn::StoreU(R::join(d, hn::LoadU(d, block + c), four), d, block + c);
      }
      if (c < width) {
        const std::size_t rest = width - c;
        const auto four =
            join4(load_some(d, p + c, rest), load_some(d, p + stride + c, rest),
                  load_some(d, p + 2 * stride + c, rest), load_some(d, p + 3 * stride + c, rest));
        hn::StoreU(R::join(d, hn::LoadU(d, block + c), four), d, block + c);
      }
    }
    for (; r < count; ++r) {
      const T* p = x + r * stride;
      std::size_t c = 0;
      for (; c + lanes <= width; c += lanes) {
        hn::StoreU(R::join(d, hn::LoadU(d, block + c), hn::LoadU(d, p + c)), d, block + c);
      }
      if (c < width) {
        hn::StoreU(R::join(d, hn::LoadU(d, block + c), load_some(d, p + c, width - c)), d,
                   block + c);
      }
    }
    for (std::size_t c = 0; c < width; ++c) so_far[c] = R::join(so_far[c], block[c]);
  }
}

// Elements at `at` as doubles, a vector of `d`.
template <class D, class T>
HWY_INLINE auto load_wide(D d, const T* at) {
  if constexpr (sizeof(T) == sizeof(double)) {
    return hn::LoadU(d, at);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, D>(), at));
  }
}

template <class T>
double product_row(const void* data, std::size_t n, double so_far) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* x = static_cast<const T*>(data);
  const auto load = [&](std::size_t at) HWY_ATTR { return load_wide(d, x + at); };
  auto a = hn::Set(d, 1.0);
  auto b = a;
  auto c = a;
  auto e = a;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Mul(a, load(i));
    b = hn::Mul(b, load(i + lanes));
    c = hn::Mul(c, load(i + 2 * lanes));
    e = hn::Mul(e, load(i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) a = hn::Mul(a, load(i));
  HWY_ALIGN double parts[hn::MaxLanes(decltype(d)())];
  hn::Store(hn::Mul(hn::Mul(a, b), hn::Mul(c, e)), d, parts);
  for (std::size_t k = 0; k < lanes; ++k) so_far *= parts[k];
  for (; i < n; ++i) so_far *= static_cast<double>(x[i]);
  return so_far;
}

template <class T>
void product_columns(const void* data, std::size_t rows, std::size_t stride, std::size_t width,
                     double* so_far) {
  const T* x = static_cast<const T*>(data);
  for (std::size_t r = 0; r < rows; ++r, x += stride) {
    for (std::size_t c = 0; c < width; ++c) so_far[c] *= static_cast<double>(x[c]);
  }
}

template <class T>
double squares_row(const void* data, std::size_t n, double so_far) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  const T* x = static_cast<const T*>(data);
  auto a = hn::Zero(d);
  auto b = a;
  auto c = a;
  auto e = a;
  std::size_t i = 0;
  const auto join = [&](auto total, std::size_t at) HWY_ATTR {
    const auto v = load_wide(d, x + at);
    return hn::MulAdd(v, v, total);
  };
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = join(a, i);
    b = join(b, i + lanes);
    c = join(c, i + 2 * lanes);
    e = join(e, i + 3 * lanes);
  }
  for (; i + lanes <= n; i += lanes) a = join(a, i);
  so_far += hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
  for (; i < n; ++i) so_far += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return so_far;
}

template <class T>
void squares_columns(const void* data, std::size_t rows, std::size_t stride, std::size_t width,
                     double* so_far) {
  const T* x = static_cast<const T*>(data);
  for (std::size_t r = 0; r < rows; ++r, x += stride) {
    for (std::size_t c = 0; c < width; ++c) {
      so_far[c] += static_cast<double>(x[c]) * static_cast<double>(x[c]);
    }
  }
}

template <class R>
ReduceFunctions functions_of(DType dtype) {
  if (dtype == f32) return {reduce_row<float, R>, reduce_columns<float, R>, R::kStart};
  return {reduce_row<double, R>, reduce_columns<double, R>, R::kStart};
}

ReduceFunctions Functions(Reduction reduction, DType dtype) {
  switch (reduction) {
    case Reduction::sum:
      return functions_of<SumOf>(dtype);
    case Reduction::product:
      if (dtype == f32) return {product_row<float>, product_columns<float>, 1};
      return {product_row<double>, product_columns<double>, 1};
    case Reduction::squares:
      if (dtype == f32) return {squares_row<float>, squares_columns<float>, 0};
      return {squares_row<double>, squares_columns<double>, 0};
    case Reduction::max:
      return functions_of<ExtremeOf<true>>(dtype);
    default:
      return functions_of<ExtremeOf<false>>(dtype);
  }
}

std::size_t FirstExtreme(const float* x, std::size_t n, bool largest) {
  if (x[0] != x[0]) return 0;
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto best = hn::Set(d, x[0]);
  std::size_t i = 0;
  // NaN is passed over here, and looked for after.
  auto nan = hn::IsNaN(best);
  const auto better = [&](auto a, auto b) HWY_ATTR {
    return largest ? hn::IfThenElse(hn::Gt(a, b), a, b) : hn::IfThenElse(hn::Lt(a, b), a, b);
  };
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    nan = hn::Or(nan, hn::IsNaN(v));
    best = better(v, best);
  }
  bool has_nan = !hn::AllFalse(d, nan);
  for (std::size_t k = i; k < n; ++k) has_nan = has_nan || x[k] != x[k];
  if (has_nan)
    return static_cast<std::size_t>(std::find_if(x, x + n, [](float v) { return v != v; }) - x);
  float value =
      largest ? hn::GetLane(hn::MaxOfLanes(d, best)) : hn::GetLane(hn::MinOfLanes(d, best));
  for (; i < n; ++i) {
    if (largest ? value < x[i] : x[i] < value) value = x[i];
  }
  const auto wanted = hn::Set(d, value);
  for (i = 0; i + lanes <= n; i += lanes) {
    const std::intptr_t found = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), wanted));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  while (i < n && x[i] != value) ++i;
  return i;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Functions);
HWY_EXPORT(FirstExtreme);
ReduceFunctions reduce_functions(Reduction reduction, DType dtype) {
  return HWY_DYNAMIC_DISPATCH(Functions)(reduction, dtype);
}
std::size_t first_extreme(const float* x, std::size_t n, bool largest) {
  return HWY_DYNAMIC_DISPATCH(FirstExtreme)(x, n, largest);
}
}  // namespace nacre::cpu
#endif
