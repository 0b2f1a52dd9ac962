// Trigonometric and hyperbolic functions.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_trigonometric.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

#include "hwy/contrib/math/math-inl.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Highway's range reduction holds up to here; beyond (and for NaN and infinities) the C library's.
template <class D, class V>
HWY_INLINE bool within_reduction(D d, V x) {
  return hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, hn::TFromD<D>(30000))));
}

struct Sin {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    if (HWY_LIKELY(within_reduction(d, x))) return hn::Sin(d, x);
    return by_library(d, x, [](auto y) { return std::sin(y); });
  }
};
struct Cos {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    if (HWY_LIKELY(within_reduction(d, x))) return hn::Cos(d, x);
    return by_library(d, x, [](auto y) { return std::cos(y); });
  }
};

std::span<const TileRow> Trigonometric() {
  static constexpr TileRow kRows[] = {
      {Op::sin, f32, tile1<float, Sin>},
      {Op::sin, f64, tile1<double, Sin>},
      {Op::cos, f32, tile1<float, Cos>},
      {Op::cos, f64, tile1<double, Cos>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Trigonometric);
std::span<const TileRow> trigonometric_tiles() { return HWY_DYNAMIC_DISPATCH(Trigonometric)(); }
}  // namespace nacre::cpu
#endif
