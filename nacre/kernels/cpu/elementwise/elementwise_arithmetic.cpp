// Arithmetic of floats, one description an op.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_arithmetic.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

NACRE_VECTOR_1(Neg, hn::Neg(x))
NACRE_VECTOR_1(Abs, hn::Abs(x))
NACRE_VECTOR_1(Square, hn::Mul(x, x))
NACRE_VECTOR_1(Sqrt, hn::Sqrt(x))
NACRE_VECTOR_1(Rsqrt, hn::Div(hn::Set(d, hn::TFromD<D>(1)), hn::Sqrt(x)))
NACRE_VECTOR_1(Reciprocal, hn::Div(hn::Set(d, hn::TFromD<D>(1)), x))
// NaN stays
NACRE_VECTOR_1(Relu, hn::IfThenElse(hn::Le(x, hn::Zero(d)), hn::Zero(d), x))
struct Sign {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V one = hn::Set(d, hn::TFromD<D>(1));
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x,
                          hn::IfThenElse(hn::IsNaN(x), x, hn::CopySignToAbs(one, x)));
  }
};
NACRE_VECTOR_1(Floor, hn::Floor(x))
NACRE_VECTOR_1(Ceil, hn::Ceil(x))
NACRE_VECTOR_1(Round, hn::Round(x))
NACRE_VECTOR_1(Trunc, hn::Trunc(x))
NACRE_VECTOR_2(Copysign, hn::CopySign(a, b))
struct Clamp {
  const double* bounds;
  explicit Clamp(const double* numbers) : bounds(numbers) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const V low = hn::Set(d, static_cast<T>(bounds[0]));
    const V high = hn::Set(d, static_cast<T>(bounds[1]));
    return hn::IfThenElse(hn::Lt(x, low), low, hn::IfThenElse(hn::Gt(x, high), high, x));
  }
};
NACRE_VECTOR_2(Add, hn::Add(a, b))
NACRE_VECTOR_2(Sub, hn::Sub(a, b))
NACRE_VECTOR_2(Mul, hn::Mul(a, b))
NACRE_VECTOR_2(Div, hn::Div(a, b))
NACRE_VECTOR_2(Maximum, max_or_nan(d, a, b))
NACRE_VECTOR_2(Minimum, min_or_nan(d, a, b))

std::span<const TileRow> Arithmetic() {
  static constexpr TileRow kRows[] = {
      {Op::neg, f32, tile1<float, Neg>},
      {Op::neg, f64, tile1<double, Neg>},
      {Op::abs, f32, tile1<float, Abs>},
      {Op::abs, f64, tile1<double, Abs>},
      {Op::square, f32, tile1<float, Square>},
      {Op::square, f64, tile1<double, Square>},
      {Op::sqrt, f32, tile1<float, Sqrt>},
      {Op::sqrt, f64, tile1<double, Sqrt>},
      {Op::rsqrt, f32, tile1<float, Rsqrt>},
      {Op::rsqrt, f64, tile1<double, Rsqrt>},
      {Op::reciprocal, f32, tile1<float, Reciprocal>},
      {Op::reciprocal, f64, tile1<double, Reciprocal>},
      {Op::relu, f32, tile1<float, Relu>},
      {Op::relu, f64, tile1<double, Relu>},
      {Op::sign, f32, tile1<float, Sign>},
      {Op::sign, f64, tile1<double, Sign>},
      {Op::add, f32, tile2<float, Add>},
      {Op::add, f64, tile2<double, Add>},
      {Op::sub, f32, tile2<float, Sub>},
      {Op::sub, f64, tile2<double, Sub>},
      {Op::mul, f32, tile2<float, Mul>},
      {Op::mul, f64, tile2<double, Mul>},
      {Op::div, f32, tile2<float, Div>},
      {Op::div, f64, tile2<double, Div>},
      {Op::maximum, f32, tile2<float, Maximum>},
      {Op::maximum, f64, tile2<double, Maximum>},
      {Op::minimum, f32, tile2<float, Minimum>},
      {Op::minimum, f64, tile2<double, Minimum>},
      {Op::floor, f32, tile1<float, Floor>},
      {Op::floor, f64, tile1<double, Floor>},
      {Op::ceil, f32, tile1<float, Ceil>},
      {Op::ceil, f64, tile1<double, Ceil>},
      {Op::round, f32, tile1<float, Round>},
      {Op::round, f64, tile1<double, Round>},
      {Op::trunc, f32, tile1<float, Trunc>},
      {Op::trunc, f64, tile1<double, Trunc>},
      {Op::clamp, f32, tile1<float, Clamp>},
      {Op::clamp, f64, tile1<double, Clamp>},
      {Op::copysign, f32, tile2<float, Copysign>},
      {Op::copysign, f64, tile2<double, Copysign>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Arithmetic);
std::span<const TileRow> arithmetic_tiles() { return HWY_DYNAMIC_DISPATCH(Arithmetic)(); }
}  // namespace nacre::cpu
#endif
