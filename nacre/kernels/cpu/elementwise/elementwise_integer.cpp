// Integers and booleans: plain loops that the compiler makes vectors of. Overflow wraps.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <algorithm>
#include <bit>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_integer.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

NACRE_ELEMENT_1(IntNeg, T, static_cast<T>(Wrap<T>{0} - static_cast<Wrap<T>>(x)))
NACRE_ELEMENT_1(IntAbs, T, x < 0 ? IntNeg()(x) : x)
NACRE_ELEMENT_1(IntSquare, T, static_cast<T>(static_cast<Wrap<T>>(x) * static_cast<Wrap<T>>(x)))
NACRE_ELEMENT_1(IntRelu, T, x < 0 ? T(0) : x)
NACRE_ELEMENT_1(IntSign, T, static_cast<T>((x > 0) - (x < 0)))
NACRE_ELEMENT_2(IntAdd, T, static_cast<T>(static_cast<Wrap<T>>(a) + static_cast<Wrap<T>>(b)))
NACRE_ELEMENT_2(IntSub, T, static_cast<T>(static_cast<Wrap<T>>(a) - static_cast<Wrap<T>>(b)))
NACRE_ELEMENT_2(IntMul, T, static_cast<T>(static_cast<Wrap<T>>(a) * static_cast<Wrap<T>>(b)))
NACRE_ELEMENT_2(IntMaximum, T, a < b ? b : a)
NACRE_ELEMENT_2(IntMinimum, T, b < a ? b : a)
// The bounds come as the bits of 64-bit integers: a double would not hold them.
struct IntClamp {
  std::int64_t low;
  std::int64_t high;
  explicit IntClamp(const double* numbers)
      : low(std::bit_cast<std::int64_t>(numbers[0])),
        high(std::bit_cast<std::int64_t>(numbers[1])) {}
  template <class T>
  static T bound(std::int64_t x) {
    using L = std::numeric_limits<T>;
    return static_cast<T>(std::clamp<std::int64_t>(x, L::min(), L::max()));
  }
  template <class T>
  HWY_INLINE T operator()(T x) const {
    const T least = bound<T>(low);
    const T most = bound<T>(high);
    return x < least ? least : most < x ? most : x;
  }
};
struct IntFmod {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    const bool trivial = b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1));
    return trivial ? T(0) : static_cast<T>(a % b);
  }
};
struct IntRemainder {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    const T r = IntFmod()(a, b);
    return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
  }
};
struct IntFloorDivide {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    if (b == 0) return 0;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return IntNeg()(a);
    return static_cast<T>(a / b - (a % b != 0 && (a < 0) != (b < 0)));
  }
};
struct IntPow {
  template <class T>
  HWY_INLINE T operator()(T base, T exponent) const {
    if (exponent < 0) {
      return base == 1 ? T(1) : base == static_cast<T>(-1) ? T(exponent % 2 ? -1 : 1) : T(0);
    }
    T result = 1;
    for (; exponent > 0; exponent = static_cast<T>(exponent >> 1)) {
      if (exponent & 1) result = IntMul()(result, base);
      base = IntMul()(base, base);
    }
    return result;
  }
};
template <class T>
void int_where_tile(const void* const* in, void* out, std::size_t n, unsigned scalars,
                    const double*) {
  const std::uint8_t* condition = static_cast<const std::uint8_t*>(in[0]);
  const T* a = static_cast<const T*>(in[1]);
  const T* b = static_cast<const T*>(in[2]);
  T* to = static_cast<T*>(out);
  const std::size_t masks[3] = {scalars & 1 ? 0 : ~std::size_t{0},
                                scalars & 2 ? 0 : ~std::size_t{0},
                                scalars & 4 ? 0 : ~std::size_t{0}};
  if (scalars == 0) {
#pragma GCC ivdep
    for (std::size_t i = 0; i < n; ++i) {
      const T x = a[i];
      const T y = b[i];
      to[i] = condition[i] ? x : y;
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    to[i] = condition[i & masks[0]] ? a[i & masks[1]] : b[i & masks[2]];
  }
}

std::span<const TileRow> Integers() {
  using B = std::uint8_t;
  static constexpr TileRow kRows[] = {
#define NACRE_INT_ROWS(dtype, T)                                                              \
  {Op::neg, dtype, loop1<T, T, IntNeg>}, {Op::abs, dtype, loop1<T, T, IntAbs>},               \
      {Op::square, dtype, loop1<T, T, IntSquare>}, {Op::relu, dtype, loop1<T, T, IntRelu>},   \
      {Op::sign, dtype, loop1<T, T, IntSign>}, {Op::clamp, dtype, loop1<T, T, IntClamp>},     \
      {Op::add, dtype, loop2<T, T, IntAdd>}, {Op::sub, dtype, loop2<T, T, IntSub>},           \
      {Op::mul, dtype, loop2<T, T, IntMul>}, {Op::maximum, dtype, loop2<T, T, IntMaximum>},   \
      {Op::minimum, dtype, loop2<T, T, IntMinimum>}, {Op::fmod, dtype, loop2<T, T, IntFmod>}, \
      {Op::remainder, dtype, loop2<T, T, IntRemainder>},                                      \
      {Op::floor_divide, dtype, loop2<T, T, IntFloorDivide>},                                 \
      {Op::pow, dtype, loop2<T, T, IntPow>}, {Op::where, dtype, int_where_tile<T>},
      NACRE_INT_ROWS(i8, std::int8_t) NACRE_INT_ROWS(u8, std::uint8_t)
          NACRE_INT_ROWS(i32, std::int32_t) NACRE_INT_ROWS(i64, std::int64_t)
#undef NACRE_INT_ROWS
              {Op::mul, boolean, loop2<B, B, IntMinimum>},
      {Op::maximum, boolean, loop2<B, B, IntMaximum>},
      {Op::minimum, boolean, loop2<B, B, IntMinimum>},
      {Op::where, boolean, int_where_tile<B>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Integers);
std::span<const TileRow> integer_tiles() { return HWY_DYNAMIC_DISPATCH(Integers)(); }
}  // namespace nacre::cpu
#endif
