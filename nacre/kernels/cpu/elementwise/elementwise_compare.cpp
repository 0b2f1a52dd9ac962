// Comparisons and choices of floats.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_compare.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// Highway's Ne is false for NaN; as a condition NaN is true and differs from everything.
template <class D, class V>
HWY_INLINE hn::Mask<D> differ(D, V a, V b) {
  return hn::Not(hn::Eq(a, b));
}

NACRE_VECTOR_2(Equal, hn::Eq(a, b))
NACRE_VECTOR_2(NotEqual, differ(d, a, b))
NACRE_VECTOR_2(Less, hn::Lt(a, b))
NACRE_VECTOR_2(LessEqual, hn::Le(a, b))
NACRE_VECTOR_2(Greater, hn::Gt(a, b))
NACRE_VECTOR_2(GreaterEqual, hn::Ge(a, b))

NACRE_VECTOR_1(IsNan, hn::IsNaN(x))
NACRE_VECTOR_1(IsInf, hn::IsInf(x))
NACRE_VECTOR_1(IsFinite, hn::IsFinite(x))
NACRE_VECTOR_1(Not, hn::Eq(x, hn::Zero(d)))
NACRE_VECTOR_2(AndAlso, hn::And(differ(d, a, hn::Zero(d)), differ(d, b, hn::Zero(d))))
NACRE_VECTOR_2(OrElse, hn::Or(differ(d, a, hn::Zero(d)), differ(d, b, hn::Zero(d))))
NACRE_VECTOR_2(EitherOr, hn::Xor(differ(d, a, hn::Zero(d)), differ(d, b, hn::Zero(d))))

template <class T>
void where_tile(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
  const hn::ScalableTag<T> d;
  const hn::Rebind<std::uint8_t, decltype(d)> d8;
  const std::size_t lanes = hn::Lanes(d);
  const TileInput<decltype(d8)> condition(in[0], scalars & 1);
  const TileInput<decltype(d)> a(in[1], scalars & 2);
  const TileInput<decltype(d)> b(in[2], scalars & 4);
  T* to = static_cast<T*>(out);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto mask = mask_of_bytes(d, condition.load(i));
    hn::StoreU(hn::IfThenElse(mask, a.load(i), b.load(i)), d, to + i);
  }
  if (i < n) {
    const std::size_t rest = n - i;
    const auto mask = mask_of_bytes(d, condition.load_some(i, rest));
    const auto chosen = hn::IfThenElse(mask, a.load_some(i, rest), b.load_some(i, rest));
    store_some(d, chosen, to + i, rest);
  }
}

std::span<const TileRow> Comparisons() {
  static constexpr TileRow kRows[] = {
      {Op::equal, f32, tile2<float, Equal>},
      {Op::equal, f64, tile2<double, Equal>},
      {Op::not_equal, f32, tile2<float, NotEqual>},
      {Op::not_equal, f64, tile2<double, NotEqual>},
      {Op::less, f32, tile2<float, Less>},
      {Op::less, f64, tile2<double, Less>},
      {Op::less_equal, f32, tile2<float, LessEqual>},
      {Op::less_equal, f64, tile2<double, LessEqual>},
      {Op::greater, f32, tile2<float, Greater>},
      {Op::greater, f64, tile2<double, Greater>},
      {Op::greater_equal, f32, tile2<float, GreaterEqual>},
      {Op::greater_equal, f64, tile2<double, GreaterEqual>},
      {Op::is_nan, f32, tile1<float, IsNan>},
      {Op::is_nan, f64, tile1<double, IsNan>},
      {Op::is_inf, f32, tile1<float, IsInf>},
      {Op::is_inf, f64, tile1<double, IsInf>},
      {Op::is_finite, f32, tile1<float, IsFinite>},
      {Op::is_finite, f64, tile1<double, IsFinite>},
      {Op::logical_not, f32, tile1<float, Not>},
      {Op::logical_not, f64, tile1<double, Not>},
      {Op::logical_and, f32, tile2<float, AndAlso>},
      {Op::logical_and, f64, tile2<double, AndAlso>},
      {Op::logical_or, f32, tile2<float, OrElse>},
      {Op::logical_or, f64, tile2<double, OrElse>},
      {Op::logical_xor, f32, tile2<float, EitherOr>},
      {Op::logical_xor, f64, tile2<double, EitherOr>},
      {Op::where, f32, where_tile<float>},
      {Op::where, f64, where_tile<double>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Comparisons);
std::span<const TileRow> comparison_tiles() { return HWY_DYNAMIC_DISPATCH(Comparisons)(); }
}  // namespace nacre::cpu
#endif
