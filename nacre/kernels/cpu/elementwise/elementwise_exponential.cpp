// exp, log and what is made of them.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_exponential.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

NACRE_VECTOR_1(Exp, exp(d, x))
NACRE_VECTOR_1(Log, log(d, x))
NACRE_VECTOR_1(Tanh, tanh(d, x))

NACRE_VECTOR_1(Exp2, exp2(d, x))
NACRE_VECTOR_1(Expm1, expm1(d, x))
NACRE_VECTOR_1(Log2, log2(d, x))
NACRE_VECTOR_1(Log10, hn::Mul(log(d, x), hn::Set(d, hn::TFromD<D>(0.43429448190325183))))
NACRE_VECTOR_1(Log1p, log1p(d, x))
struct Logaddexp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    using T = hn::TFromD<D>;
    const V apart = hn::Neg(hn::Abs(hn::Sub(a, b)));
    const V sum = hn::Add(max_or_nan(d, a, b), log1p(d, exp(d, apart)));
    return hn::IfThenElse(hn::Eq(a, b), hn::Add(a, hn::Set(d, T(0.69314718055994531))), sum);
  }
};
struct Xlogy {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    const auto nothing = hn::AndNot(hn::IsNaN(b), hn::Eq(a, hn::Zero(d)));
    return hn::IfThenElse(nothing, hn::Zero(d), hn::Mul(a, log(d, b)));
  }
};
struct Sinh {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    // (e + e / (e + 1)) / 2 with e = expm1(|x|); halved first where e would overflow.
    const V one = hn::Set(d, T(1));
    const V half = hn::Set(d, T(0.5));
    const V t = hn::Abs(x);
    const V e = expm1(d, t);
    const V near = hn::Mul(half, hn::Add(e, hn::Div(e, hn::Add(e, one))));
    const V root = exp(d, hn::Mul(half, t));
    const V far = hn::Mul(hn::Mul(half, root), root);
    return hn::CopySignToAbs(hn::IfThenElse(hn::Gt(t, hn::Set(d, T(20))), far, near), x);
  }
};
struct Cosh {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const V half = hn::Set(d, T(0.5));
    const V t = hn::Abs(x);
    const V root = exp(d, hn::Mul(half, t));
    const V grown = hn::Mul(hn::Mul(half, root), root);
    return hn::Add(grown, hn::Mul(half, exp(d, hn::Neg(t))));
  }
};

// a^b. Of f32 in f64 by exp(b log a), which is exact to the last digit; what that cannot do (a <=
// 0, infinite or NaN operands) goes to the C library, a vector at a time.
template <class V, class D>
HWY_INLINE V power_by_library(D d, V a, V b) {
  using T = hn::TFromD<D>;
  HWY_ALIGN T x[hn::MaxLanes(D())];
  HWY_ALIGN T y[hn::MaxLanes(D())];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) x[i] = std::pow(x[i], y[i]);
  return hn::Load(d, x);
}

struct Pow {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    using T = hn::TFromD<D>;
    if constexpr (sizeof(T) == 8) {
      return power_by_library(d, a, b);
    } else {
      const V zero = hn::Zero(d);
      const auto easy = hn::And(hn::And(hn::Gt(a, zero), hn::IsFinite(a)), hn::IsFinite(b));
      if (HWY_UNLIKELY(!hn::AllTrue(d, easy))) return power_by_library(d, a, b);
      const hn::Half<D> dh;
      const hn::Repartition<double, D> dd;
      const auto half = [&](auto x, auto y) HWY_ATTR {
        return hn::DemoteTo(dh,
                            exp(dd, hn::Mul(hn::PromoteTo(dd, y), log(dd, hn::PromoteTo(dd, x)))));
      };
      return hn::Combine(d, half(hn::UpperHalf(dh, a), hn::UpperHalf(dh, b)),
                         half(hn::LowerHalf(dh, a), hn::LowerHalf(dh, b)));
    }
  }
};

// The exponent is one number more often than not, and then mostly a simple one.
template <class T>
void power_tile(const void* const* in, void* out, std::size_t n, unsigned scalars,
                const double* numbers) {
  if (scalars & 2) {
    const T exponent = *static_cast<const T*>(in[1]);
    const hn::ScalableTag<T> d;
    const TileInput<decltype(d)> a(in[0], scalars & 1);
    const auto map = [&](auto f) HWY_ATTR {
      std::size_t i = 0;
      for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) store_result(d, f(a.load(i)), out, i);
      if (i < n) store_result_some(d, f(a.load_some(i, n - i)), out, i, n - i);
    };
    using V = hn::Vec<decltype(d)>;
    const V one = hn::Set(d, T(1));
    if (exponent == 1) return map([](V x) HWY_ATTR { return x; });
    if (exponent == 2) return map([](V x) HWY_ATTR { return hn::Mul(x, x); });
    if (exponent == 3) return map([](V x) HWY_ATTR { return hn::Mul(hn::Mul(x, x), x); });
    if (exponent == 4) {
      return map([](V x) HWY_ATTR { return hn::Mul(hn::Mul(x, x), hn::Mul(x, x)); });
    }
    if (exponent == -1) return map([=](V x) HWY_ATTR { return hn::Div(one, x); });
    if (exponent == -2) return map([=](V x) HWY_ATTR { return hn::Div(one, hn::Mul(x, x)); });
  }
  tile2<T, Pow>(in, out, n, scalars, numbers);
}

std::span<const TileRow> Exponentials() {
  static constexpr TileRow kRows[] = {
      {Op::exp, f32, tile1<float, Exp>},
      {Op::exp, f64, tile1<double, Exp>},
      {Op::log, f32, tile1<float, Log>},
      {Op::log, f64, tile1<double, Log>},
      {Op::tanh, f32, tile1<float, Tanh>},
      {Op::tanh, f64, tile1<double, Tanh>},
      {Op::exp2, f32, tile1<float, Exp2>},
      {Op::exp2, f64, tile1<double, Exp2>},
      {Op::expm1, f32, tile1<float, Expm1>},
      {Op::expm1, f64, tile1<double, Expm1>},
      {Op::log2, f32, tile1<float, Log2>},
      {Op::log2, f64, tile1<double, Log2>},
      {Op::log10, f32, tile1<float, Log10>},
      {Op::log10, f64, tile1<double, Log10>},
      {Op::log1p, f32, tile1<float, Log1p>},
      {Op::log1p, f64, tile1<double, Log1p>},
      {Op::sinh, f32, tile1<float, Sinh>},
      {Op::sinh, f64, tile1<double, Sinh>},
      {Op::cosh, f32, tile1<float, Cosh>},
      {Op::cosh, f64, tile1<double, Cosh>},
      {Op::logaddexp, f32, tile2<float, Logaddexp>},
      {Op::logaddexp, f64, tile2<double, Logaddexp>},
      {Op::xlogy, f32, tile2<float, Xlogy>},
      {Op::xlogy, f64, tile2<double, Xlogy>},
      {Op::pow, f32, power_tile<float>},
      {Op::pow, f64, power_tile<double>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Exponentials);
std::span<const TileRow> exponential_tiles() { return HWY_DYNAMIC_DISPATCH(Exponentials)(); }
}  // namespace nacre::cpu
#endif
