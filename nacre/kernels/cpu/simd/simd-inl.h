// Loops over contiguous elements in Highway vectors. Included once for each instruction set.
#if defined(NACRE_KERNELS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NACRE_KERNELS_CPU_SIMD_INL_H_
#undef NACRE_KERNELS_CPU_SIMD_INL_H_
#else
#define NACRE_KERNELS_CPU_SIMD_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first n < Lanes(d) elements; the other lanes are zero. Reads nothing beyond.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_some(D d, const T* from, std::size_t n) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(T) >= 4) return hn::MaskedLoad(hn::FirstN(d, n), d, from);
#endif
  HWY_ALIGN T lanes[hn::MaxLanes(D())] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i] = from[i];
  return hn::Load(d, lanes);
}

template <class D, class V, class T = hn::TFromD<D>>
HWY_INLINE void store_some(D d, V v, T* to, std::size_t n) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(T) >= 4) {
    hn::BlendedStore(v, hn::FirstN(d, n), d, to);
    return;
  }
#endif
  HWY_ALIGN T lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (std::size_t i = 0; i < n; ++i) to[i] = lanes[i];
}

// One byte, 0 or 1, for each lane of a mask.
template <class D, class M>
HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, D>> bytes_of_mask(D d, M mask) {
  const hn::RebindToUnsigned<D> bits;
  constexpr int kTop = static_cast<int>(sizeof(hn::TFromD<D>)) * 8 - 1;
  const auto ones = hn::ShiftRight<kTop>(hn::BitCast(bits, hn::VecFromMask(d, mask)));
  return hn::TruncateTo(hn::Rebind<std::uint8_t, D>(), ones);
}

// The lanes whose byte is not 0.
template <class D>
HWY_INLINE hn::Mask<D> mask_of_bytes(D d, hn::Vec<hn::Rebind<std::uint8_t, D>> bytes) {
  const hn::RebindToUnsigned<D> wide;
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    return hn::RebindMask(d, hn::Ne(hn::PromoteTo(wide, bytes), hn::Zero(wide)));
  } else {
    const hn::Rebind<std::uint32_t, D> middle;
    return hn::RebindMask(
        d, hn::Ne(hn::PromoteTo(wide, hn::PromoteTo(middle, bytes)), hn::Zero(wide)));
  }
}

// Results of a tile function: a vector of the inputs' type, or a mask that becomes bytes.
template <class D, class R>
HWY_INLINE void store_result(D d, R result, void* out, std::size_t at) {
  if constexpr (std::is_same_v<R, hn::Vec<D>>) {
    hn::StoreU(result, d, static_cast<hn::TFromD<D>*>(out) + at);
  } else {
    hn::StoreU(bytes_of_mask(d, result), hn::Rebind<std::uint8_t, D>(),
               static_cast<std::uint8_t*>(out) + at);
  }
}
template <class D, class R>
HWY_INLINE void store_result_some(D d, R result, void* out, std::size_t at, std::size_t n) {
  if constexpr (std::is_same_v<R, hn::Vec<D>>) {
    store_some(d, result, static_cast<hn::TFromD<D>*>(out) + at, n);
  } else {
    store_some(hn::Rebind<std::uint8_t, D>(), bytes_of_mask(d, result),
               static_cast<std::uint8_t*>(out) + at, n);
  }
}

// One input of a tile: an array, or one element that is spread over a vector once and then read
// again and again, so that the loop has no case for it.
template <class D>
class TileInput {
 public:
  using T = hn::TFromD<D>;
  HWY_INLINE TileInput(const void* data, bool is_scalar)
      : data_(static_cast<const T*>(data)), mask_(is_scalar ? 0 : ~std::size_t{0}) {
    if (is_scalar) {
      hn::Store(hn::Set(D(), *data_), D(), splat_);
      data_ = splat_;
    }
  }
  TileInput(const TileInput&) = delete;
  TileInput& operator=(const TileInput&) = delete;
  HWY_INLINE hn::Vec<D> load(std::size_t i) const { return hn::LoadU(D(), data_ + (i & mask_)); }
  HWY_INLINE hn::Vec<D> load_some(std::size_t i, std::size_t n) const {
    return HWY_NAMESPACE::load_some(D(), data_ + (i & mask_), n);
  }

 private:
  HWY_ALIGN T splat_[hn::MaxLanes(D())];
  const T* data_;
  std::size_t mask_;
};

// f of each element, for what only the C library has.
template <class D, class V, class F>
HWY_INLINE V by_library(D d, V v, F f) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T x[hn::MaxLanes(D())];
  hn::Store(v, d, x);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) x[i] = f(x[i]);
  return hn::Load(d, x);
}

// f(d, x): what a tile function of one, two, three inputs computes; F is made from the numbers of
// the op's attributes where it has a constructor for them.
template <class F>
HWY_INLINE F make_function(const double* numbers) {
  if constexpr (std::is_constructible_v<F, const double*>) {
    return F(numbers);
  } else {
    return F();
  }
}

template <class T, class F>
void tile1(const void* const* in, void* out, std::size_t n, unsigned scalars,
           const double* numbers) {
  const hn::ScalableTag<T> d;
  const F f = make_function<F>(numbers);
  const TileInput<decltype(d)> a(in[0], scalars & 1);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) store_result(d, f(d, a.load(i)), out, i);
  if (i < n) store_result_some(d, f(d, a.load_some(i, n - i)), out, i, n - i);
}

template <class T, class F>
void tile2(const void* const* in, void* out, std::size_t n, unsigned scalars,
           const double* numbers) {
  const hn::ScalableTag<T> d;
  const F f = make_function<F>(numbers);
  const TileInput<decltype(d)> a(in[0], scalars & 1);
  const TileInput<decltype(d)> b(in[1], scalars & 2);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    store_result(d, f(d, a.load(i), b.load(i)), out, i);
  }
  if (i < n) {
    const std::size_t rest = n - i;
    store_result_some(d, f(d, a.load_some(i, rest), b.load_some(i, rest)), out, i, rest);
  }
}

// `f(x, ...)` on single elements, for what has no vector form and for integers: the compiler makes
// vectors of it. Reading and writing the same place is fine: element i is read before it is
// written.
template <class T, class R, class F>
void loop1(const void* const* in, void* out, std::size_t n, unsigned scalars,
           const double* numbers) {
  const F f = make_function<F>(numbers);
  const T* a = static_cast<const T*>(in[0]);
  R* to = static_cast<R*>(out);
  if (scalars & 1) {
    const R value = f(a[0]);
    for (std::size_t i = 0; i < n; ++i) to[i] = value;
    return;
  }
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) to[i] = f(a[i]);
}

template <class T, class R, class F>
void loop2(const void* const* in, void* out, std::size_t n, unsigned scalars,
           const double* numbers) {
  // A single element is spread over a stretch, so that one loop serves all cases.
  constexpr std::size_t kStretch = 256;
  T spread[2][kStretch];
  const F f = make_function<F>(numbers);
  const T* const from[2] = {static_cast<const T*>(in[0]), static_cast<const T*>(in[1])};
  R* const to = static_cast<R*>(out);
  const std::size_t stretch = scalars ? kStretch : n;
  for (std::size_t k = 0; k < 2; ++k) {
    if (!(scalars >> k & 1)) continue;
    const T value = from[k][0];
    for (std::size_t i = 0; i < kStretch && i < n; ++i) spread[k][i] = value;
  }
  for (std::size_t at = 0; at < n; at += stretch) {
    const std::size_t count = n - at < stretch ? n - at : stretch;
    const T* const a = scalars & 1 ? spread[0] : from[0] + at;
    const T* const b = scalars & 2 ? spread[1] : from[1] + at;
    R* const r = to + at;
#pragma GCC ivdep
    for (std::size_t i = 0; i < count; ++i) r[i] = f(a[i], b[i]);
  }
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NACRE_KERNELS_CPU_SIMD_INL_H_
