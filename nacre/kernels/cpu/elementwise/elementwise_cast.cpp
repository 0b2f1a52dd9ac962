// Conversions between all dtypes. Floats round to nearest even; a float becomes an integer toward
// zero, within the integer's range (NaN gives 0); everything but 0 is true.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_cast.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

template <class R>
struct Convert {
  template <class T>
  HWY_INLINE R operator()(T x) const {
    if constexpr (std::is_same_v<R, bool>) {
      return x != 0;
    } else if constexpr (std::is_same_v<R, bfloat16> || std::is_same_v<R, float16>) {
      return R(static_cast<float>(x));
    } else if constexpr (std::is_integral_v<R> && !std::is_integral_v<T>) {
      using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
      using L = std::numeric_limits<R>;
      constexpr C kLow = static_cast<C>(L::min());
      constexpr C kBeyond = static_cast<C>(L::max() / 2 + 1) * 2;  // a power of two: exact
      const C v = x;
      if (v != v) return 0;
      if (v >= kBeyond) return L::max();
      if (v <= kLow) return L::min();
      return static_cast<R>(v);
    } else {
      return static_cast<R>(x);
    }
  }
};

// The four conversions that the 16-bit floats live by, in vectors: Load and store of a half-wide
// vector around f(d, x).
template <class From, class To, class F>
HWY_INLINE void convert_half(const void* from, void* to, std::size_t n, F f) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<From, decltype(d)> df;
  const hn::Rebind<To, decltype(d)> dt;
  const From* a = static_cast<const From*>(from);
  To* b = static_cast<To*>(to);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d))
    hn::StoreU(f(d, hn::LoadU(df, a + i)), dt, b + i);
  if (i < n) store_some(dt, f(d, load_some(df, a + i, n - i)), b + i, n - i);
}

void spread(void* to, std::size_t n, std::size_t size) {
  char* bytes = static_cast<char*>(to);
  for (std::size_t i = 1; i < n; ++i) __builtin_memcpy(bytes + i * size, bytes, size);
}

void bf16_to_f32(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
  const std::size_t count = scalars && n > 0 ? 1 : n;
  convert_half<std::uint16_t, float>(in[0], out, count, [](auto d, auto x) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, x)));
  });
  if (count < n) spread(out, n, sizeof(float));
}

void f32_to_bf16(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
  const std::size_t count = scalars && n > 0 ? 1 : n;
  convert_half<float, std::uint16_t>(in[0], out, count, [](auto d, auto x) HWY_ATTR {
    const hn::RebindToUnsigned<decltype(d)> du;
    const auto bits = hn::BitCast(du, x);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
    const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du, 0x7fffu)), odd));
    const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40u));
    const auto is_nan = hn::RebindMask(du, hn::IsNaN(x));
    return hn::TruncateTo(hn::Rebind<std::uint16_t, decltype(d)>(),
                          hn::IfThenElse(is_nan, quiet, rounded));
  });
  if (count < n) spread(out, n, sizeof(bfloat16));
}

void f16_to_f32(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const std::size_t count = scalars && n > 0 ? 1 : n;
  convert_half<std::uint16_t, float>(in[0], out, count, [](auto d, auto x) HWY_ATTR {
    return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, decltype(d)>(), x));
  });
  if (count < n) spread(out, n, sizeof(float));
#else
  loop1<float16, float, Convert<float>>(in, out, n, scalars, nullptr);
#endif
}

void f32_to_f16(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const std::size_t count = scalars && n > 0 ? 1 : n;
  convert_half<float, std::uint16_t>(in[0], out, count, [](auto d, auto x) HWY_ATTR {
    return hn::BitCast(hn::Rebind<std::uint16_t, decltype(d)>(),
                       hn::DemoteTo(hn::Rebind<hwy::float16_t, decltype(d)>(), x));
  });
  if (count < n) spread(out, n, sizeof(float16));
#else
  loop1<float, float16, Convert<float16>>(in, out, n, scalars, nullptr);
#endif
}

std::span<const CastRow> Casts() {
  static constexpr CastRow kRows[] = {
      {bf16, f32, bf16_to_f32},
      {f32, bf16, f32_to_bf16},
      {f16, f32, f16_to_f32},
      {f32, f16, f32_to_f16},
#define NACRE_CASTS_FROM(from, T)                                                               \
  {from, f32, loop1<T, float, Convert<float>>}, {from, f64, loop1<T, double, Convert<double>>}, \
      {from, bf16, loop1<T, bfloat16, Convert<bfloat16>>},                                      \
      {from, f16, loop1<T, float16, Convert<float16>>},                                         \
      {from, i8, loop1<T, std::int8_t, Convert<std::int8_t>>},                                  \
      {from, u8, loop1<T, std::uint8_t, Convert<std::uint8_t>>},                                \
      {from, i32, loop1<T, std::int32_t, Convert<std::int32_t>>},                               \
      {from, i64, loop1<T, std::int64_t, Convert<std::int64_t>>},                               \
      {from, boolean, loop1<T, bool, Convert<bool>>},
      NACRE_CASTS_FROM(f32, float) NACRE_CASTS_FROM(f64, double) NACRE_CASTS_FROM(bf16, bfloat16)
          NACRE_CASTS_FROM(f16, float16) NACRE_CASTS_FROM(i8, std::int8_t)
              NACRE_CASTS_FROM(u8, std::uint8_t) NACRE_CASTS_FROM(i32, std::int32_t)
                  NACRE_CASTS_FROM(i64, std::int64_t) NACRE_CASTS_FROM(boolean, bool)
#undef NACRE_CASTS_FROM
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Casts);
std::span<const CastRow> cast_tiles() { return HWY_DYNAMIC_DISPATCH(Casts)(); }
}  // namespace nacre::cpu
#endif
