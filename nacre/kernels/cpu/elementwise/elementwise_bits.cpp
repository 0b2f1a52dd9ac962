// Comparisons, logic and bits of integers and booleans: plain loops that the compiler makes vectors
// of.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_bits.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

NACRE_ELEMENT_2(IntEqual, std::uint8_t, a == b)
NACRE_ELEMENT_2(IntNotEqual, std::uint8_t, a != b)
NACRE_ELEMENT_2(IntLess, std::uint8_t, a < b)
NACRE_ELEMENT_2(IntLessEqual, std::uint8_t, a <= b)
NACRE_ELEMENT_2(IntGreater, std::uint8_t, b < a)
NACRE_ELEMENT_2(IntGreaterEqual, std::uint8_t, b <= a)

NACRE_ELEMENT_1(IntNot, std::uint8_t, x == 0)
NACRE_ELEMENT_2(IntAndAlso, std::uint8_t, (a != 0) & (b != 0))
NACRE_ELEMENT_2(IntOrElse, std::uint8_t, (a != 0) | (b != 0))
NACRE_ELEMENT_2(IntEitherOr, std::uint8_t, (a != 0) != (b != 0))
NACRE_ELEMENT_1(BitNot, T, static_cast<T>(~x))
NACRE_ELEMENT_2(BitAnd, T, static_cast<T>((a & b)))
NACRE_ELEMENT_2(BitOr, T, static_cast<T>(a | b))
NACRE_ELEMENT_2(BitXor, T, static_cast<T>(a ^ b))
// A count below 0 or not below the width shifts all out.
struct ShiftLeft {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    const bool all = b < 0 || b >= static_cast<T>(8 * sizeof(T));
    return all ? T(0) : static_cast<T>(static_cast<Wrap<T>>(a) << b);
  }
};
struct ShiftRight {
  template <class T>
  HWY_INLINE T operator()(T a, T b) const {
    const bool all = b < 0 || b >= static_cast<T>(8 * sizeof(T));
    return all ? static_cast<T>(a < 0 ? -1 : 0) : static_cast<T>(a >> b);
  }
};
template <bool value>
struct Always {
  template <class T>
  HWY_INLINE std::uint8_t operator()(T) const {
    return value;
  }
};

std::span<const TileRow> Bits() {
  using B = std::uint8_t;
  static constexpr TileRow kRows[] = {
#define NACRE_LOGIC_ROWS(dtype, T)                                                                 \
  {Op::equal, dtype, loop2<T, B, IntEqual>}, {Op::not_equal, dtype, loop2<T, B, IntNotEqual>},     \
      {Op::less, dtype, loop2<T, B, IntLess>}, {Op::less_equal, dtype, loop2<T, B, IntLessEqual>}, \
      {Op::greater, dtype, loop2<T, B, IntGreater>},                                               \
      {Op::greater_equal, dtype, loop2<T, B, IntGreaterEqual>},                                    \
      {Op::logical_not, dtype, loop1<T, B, IntNot>},                                               \
      {Op::logical_and, dtype, loop2<T, B, IntAndAlso>},                                           \
      {Op::logical_or, dtype, loop2<T, B, IntOrElse>},                                             \
      {Op::logical_xor, dtype, loop2<T, B, IntEitherOr>},                                          \
      {Op::is_nan, dtype, loop1<T, B, Always<false>>},                                             \
      {Op::is_inf, dtype, loop1<T, B, Always<false>>},                                             \
      {Op::is_finite, dtype, loop1<T, B, Always<true>>},
#define NACRE_BIT_ROWS(dtype, T)                                                                  \
  {Op::bitwise_not, dtype, loop1<T, T, BitNot>}, {Op::bitwise_and, dtype, loop2<T, T, BitAnd>},   \
      {Op::bitwise_or, dtype, loop2<T, T, BitOr>}, {Op::bitwise_xor, dtype, loop2<T, T, BitXor>}, \
      {Op::shift_left, dtype, loop2<T, T, ShiftLeft>},                                            \
      {Op::shift_right, dtype, loop2<T, T, ShiftRight>},
      NACRE_LOGIC_ROWS(i8, std::int8_t) NACRE_BIT_ROWS(i8, std::int8_t) NACRE_LOGIC_ROWS(
          u8, std::uint8_t) NACRE_BIT_ROWS(u8, std::uint8_t) NACRE_LOGIC_ROWS(i32, std::int32_t)
          NACRE_BIT_ROWS(i32, std::int32_t) NACRE_LOGIC_ROWS(i64, std::int64_t)
              NACRE_BIT_ROWS(i64, std::int64_t) NACRE_LOGIC_ROWS(boolean, B)
#undef NACRE_LOGIC_ROWS
#undef NACRE_BIT_ROWS
                  {Op::bitwise_not, boolean, loop1<B, B, IntNot>},
      {Op::bitwise_and, boolean, loop2<B, B, IntAndAlso>},
      {Op::bitwise_or, boolean, loop2<B, B, IntOrElse>},
      {Op::bitwise_xor, boolean, loop2<B, B, IntEitherOr>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Bits);
std::span<const TileRow> bit_tiles() { return HWY_DYNAMIC_DISPATCH(Bits)(); }
}  // namespace nacre::cpu
#endif
