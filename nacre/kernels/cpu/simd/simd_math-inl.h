// exp, log and their family on Highway vectors of f32 and f64. Polynomials are Chebyshev fits made
// for these intervals; relative errors stay within about two units in the last place. NaN, infinite
// and denormal arguments give what the C library gives.
#if defined(NACRE_KERNELS_CPU_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NACRE_KERNELS_CPU_SIMD_MATH_INL_H_
#undef NACRE_KERNELS_CPU_SIMD_MATH_INL_H_
#else
#define NACRE_KERNELS_CPU_SIMD_MATH_INL_H_
#endif

#include <limits>

#include "nacre/kernels/cpu/simd/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

// c[0] + c[1] x + c[2] x^2 + ...
template <class D, class V, std::size_t N>
HWY_INLINE V polynomial(D d, V x, const hn::TFromD<D> (&c)[N]) {
  V sum = hn::Set(d, c[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  return sum;
}

// The larger (smaller) of two, NaN where either is NaN.
template <class D, class V>
HWY_INLINE V max_or_nan(D, V a, V b) {
  return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Max(a, b)));
}
template <class D, class V>
HWY_INLINE V min_or_nan(D, V a, V b) {
  return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Min(a, b)));
}

template <class T>
struct FloatTraits;
template <>
struct FloatTraits<float> {
  static constexpr int kMantissa = 23;
  static constexpr int kBias = 127;
  static constexpr float kMagic = 12582912.0f;     // 1.5 * 2^23: adding it rounds to a whole number
  static constexpr float kLn2High = 0.693359375f;  // few bits: k * kLn2High is exact
  static constexpr float kLn2Low = -2.12194440e-4f;
  static constexpr float kExpLow = -104.0f;
  static constexpr float kExpHigh = 89.0f;
  static constexpr float kTanhOne = 9.2f;  // from here on tanh rounds to 1
};
template <>
struct FloatTraits<double> {
  static constexpr int kMantissa = 52;
  static constexpr int kBias = 1023;
  static constexpr double kMagic = 6755399441055744.0;
  static constexpr double kLn2High = 6.93147180369123816490e-01;
  static constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kExpLow = -746.0;
  static constexpr double kExpHigh = 710.0;
  static constexpr double kTanhOne = 19.2;
};

// 2^k for whole k within the exponent range, given as the bits of k + kMagic.
template <class D, class V>
HWY_INLINE V power_of_two(D d, V magic_k) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  // The magic number's own bits leave through the top of the shift; only k and the bias remain.
  const auto k = hn::Add(hn::BitCast(di, magic_k), hn::Set(di, I{F::kBias}));
  return hn::BitCast(d, hn::ShiftLeft<F::kMantissa>(k));
}

// y * 2^k, with gradual underflow and overflow to infinity.
template <class D, class V>
HWY_INLINE V scale_by_power(D d, V y, V k) {
  using T = hn::TFromD<D>;
#if HWY_TARGET == HWY_AVX3
  if constexpr (std::is_same_v<T, float>) {
    return V{_mm512_scalef_ps(y.raw, k.raw)};
  } else {
    return V{_mm512_scalef_pd(y.raw, k.raw)};
  }
#else
  // In two steps, as one may leave the exponent's range.
  const V magic = hn::Set(d, FloatTraits<T>::kMagic);
  const V half_bits = hn::MulAdd(k, hn::Set(d, T(0.5)), magic);
  const V half = hn::Sub(half_bits, magic);
  const V rest_bits = hn::Add(hn::Sub(k, half), magic);
  return hn::Mul(hn::Mul(y, power_of_two(d, half_bits)), power_of_two(d, rest_bits));
#endif
}

// The parts of exp: x = k ln 2 + r with |r| <= ln 2 / 2; expm1(r).
template <class V>
struct ExpParts {
  V k;
  V r;
  V expm1_r;
};
// expm1(r) for |r| <= ln 2 / 2.
template <class D, class V>
HWY_INLINE V expm1_near_zero(D d, V r) {
  using T = hn::TFromD<D>;
  V tail;
  if constexpr (sizeof(T) == 4) {
    constexpr T c[] = {0.50000000134981779f,   0.16666666681659179f,   0.041666464602026542f,
                       0.0083333108895820772f, 0.0013933685862617174f, 0.00019891030654370328f};
    tail = polynomial(d, r, c);
  } else {
    constexpr T c[] = {0.5,
                       0.16666666666666671,
                       0.04166666666666667,
                       0.0083333333333261121,
                       0.0013888888888883732,
                       0.00019841269874901259,
                       2.4801587325605323e-5,
                       2.7557255297969644e-6,
                       2.755727357010214e-7,
                       2.5105259538448493e-8,
                       2.0914717341716376e-9};
    tail = polynomial(d, r, c);
  }
  return hn::MulAdd(hn::Mul(r, r), tail, r);
}

template <class D, class V>
HWY_INLINE ExpParts<V> exp_parts(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  // The argument second: Min and Max return it when it is NaN.
  x = hn::Min(hn::Set(d, F::kExpHigh), hn::Max(hn::Set(d, F::kExpLow), x));
  const V magic = hn::Set(d, F::kMagic);
  const V k = hn::Sub(hn::MulAdd(x, hn::Set(d, T(1.4426950408889634)), magic), magic);
  V r = hn::NegMulAdd(k, hn::Set(d, F::kLn2High), x);
  r = hn::NegMulAdd(k, hn::Set(d, F::kLn2Low), r);
  return {k, r, expm1_near_zero(d, r)};
}

template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  const ExpParts<V> p = exp_parts(d, x);
  return scale_by_power(d, hn::Add(p.expm1_r, hn::Set(d, hn::TFromD<D>(1))), p.k);
}

template <class D, class V>
HWY_INLINE V exp2(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  const V limit = hn::Set(d, T(2 * F::kBias));
  x = hn::Min(limit, hn::Max(hn::Neg(limit), x));
  const V k = hn::Round(x);
  const V r = hn::Mul(hn::Sub(x, k), hn::Set(d, T(0.69314718055994531)));
  return scale_by_power(d, hn::Add(expm1_near_zero(d, r), hn::Set(d, T(1))), k);
}

template <class D, class V>
HWY_INLINE V expm1(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  const ExpParts<V> p = exp_parts(d, x);
  // 2^k e + (2^k - 1) by way of 2^(k-1), as 2^k may overflow where the result does not.
  const V one = hn::Set(d, T(1));
  const V low = hn::Set(d, T(F::kMagic - F::kBias + 2));
  const V half_power = power_of_two(d, hn::Max(low, hn::Add(p.k, hn::Set(d, T(F::kMagic - 1)))));
  const V half = hn::MulAdd(half_power, p.expm1_r, hn::Sub(half_power, hn::Set(d, T(0.5))));
  const V result = hn::Add(half, half);
  // -0 and tiny arguments are their own result.
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, std::numeric_limits<T>::epsilon() / 4)), x,
                        hn::IfThenElse(hn::Lt(p.k, hn::Set(d, T(-60))), hn::Neg(one), result));
}

template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  using T = hn::TFromD<D>;
  const V two = hn::Set(d, T(2));
  const V magnitude = hn::Min(hn::Set(d, FloatTraits<T>::kTanhOne), hn::Abs(x));
  const V e = expm1(d, hn::Add(magnitude, magnitude));
  return hn::CopySignToAbs(hn::Div(e, hn::Add(e, two)), x);
}

template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, hn::TFromD<D>(1));
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), for positive normal and denormal x.
template <class V>
struct LogParts {
  V m;
  V e;
};
template <class D, class V>
HWY_INLINE LogParts<V> log_parts(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  const auto denormal = hn::Lt(x, hn::Set(d, std::numeric_limits<T>::min()));
  const T scale = T(I{1} << F::kMantissa);
  x = hn::IfThenElse(denormal, hn::Mul(x, hn::Set(d, scale)), x);
  // Subtracting the bits of sqrt(1/2) makes the exponent field floor(log2(x / sqrt(1/2))).
  constexpr T kRootHalf = T(0.70710678118654752);
  const auto root_half = hn::BitCast(di, hn::Set(d, kRootHalf));
  const auto shifted = hn::Sub(hn::BitCast(di, x), root_half);
  const auto e = hn::ShiftRight<F::kMantissa>(shifted);
  const auto m = hn::Sub(hn::BitCast(di, x), hn::ShiftLeft<F::kMantissa>(e));
  // Whole numbers to floats through the magic number, which f64 can do without a 64-bit conversion.
  const V magic = hn::Set(d, F::kMagic);
  V exponent = hn::Sub(hn::BitCast(d, hn::Add(e, hn::BitCast(di, magic))), magic);
  exponent = hn::Sub(exponent, hn::IfThenElseZero(denormal, hn::Set(d, T(F::kMantissa))));
  return {hn::BitCast(d, m), exponent};
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)), without f itself: log(1 + f) - f.
template <class D, class V>
HWY_INLINE V log1p_minus(D d, V f) {
  using T = hn::TFromD<D>;
  const V square = hn::Mul(f, f);
  const V half = hn::Set(d, T(0.5));
  if constexpr (sizeof(T) == 4) {
    constexpr T c[] = {0.3333333117427613f,   -0.24999996925400272f, 0.20000717213085337f,
                       -0.16667807132962643f, 0.14249007240593694f,  -0.12425523359933803f,
                       0.11685784721037067f,  -0.11481212058518441f, 0.069725186338795458f};
    return hn::MulSub(hn::Mul(square, f), polynomial(d, f, c), hn::Mul(half, square));
  } else {
    // log(1 + f) = 2 atanh(s), s = f / (2 + f); with h = f^2 / 2: f - h + s (h + R(s^2)).
    constexpr T c[] = {0.66666666666666666, 0.4000000000000089,  0.28571428570795431,
                       0.22222222393566609, 0.18181795442371985, 0.15386250447940189,
                       0.13268485680654427, 0.13089629160674623};
    const V s = hn::Div(f, hn::Add(f, hn::Set(d, T(2))));
    const V z = hn::Mul(s, s);
    const V rest = hn::Mul(z, polynomial(d, z, c));
    const V h = hn::Mul(half, square);
    return hn::MulSub(s, hn::Add(h, rest), h);
  }
}

// `result`, which is the logarithm of ordinary numbers, where x is one: 0 gives -inf, below it NaN.
template <class D, class V>
HWY_INLINE V log_or_special(D d, V x, V result) {
  using T = hn::TFromD<D>;
  const V zero = hn::Zero(d);
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  const V nan = hn::Set(d, std::numeric_limits<T>::quiet_NaN());
  const auto ordinary = hn::And(hn::Lt(zero, x), hn::Lt(x, infinity));
  const V special = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity),
                                   hn::IfThenElse(hn::Eq(x, infinity), infinity, nan));
  return hn::IfThenElse(ordinary, result, special);
}

template <class D, class V>
HWY_INLINE V log(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FloatTraits<T>;
  const LogParts<V> p = log_parts(d, x);
  const V f = hn::Sub(p.m, hn::Set(d, T(1)));
  const V low = hn::MulAdd(p.e, hn::Set(d, F::kLn2Low), log1p_minus(d, f));
  const V result = hn::MulAdd(p.e, hn::Set(d, F::kLn2High), hn::Add(f, low));
  return log_or_special(d, x, result);
}

// Exact for powers of two.
template <class D, class V>
HWY_INLINE V log2(D d, V x) {
  using T = hn::TFromD<D>;
  const LogParts<V> p = log_parts(d, x);
  const V f = hn::Sub(p.m, hn::Set(d, T(1)));
  const V natural = hn::Add(f, log1p_minus(d, f));
  const V result = hn::MulAdd(natural, hn::Set(d, T(1.4426950408889634)), p.e);
  return log_or_special(d, x, result);
}

template <class D, class V>
HWY_INLINE V log1p(D d, V x) {
  using T = hn::TFromD<D>;
  const V one = hn::Set(d, T(1));
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  const V u = hn::Add(one, x);
  // What rounding took from u, to first order.
  const V correction = hn::Div(hn::Sub(x, hn::Sub(u, one)), u);
  const auto has_one = hn::And(hn::Lt(hn::Zero(d), u), hn::Lt(u, infinity));
  const V result = hn::Add(log(d, u), hn::IfThenElseZero(has_one, correction));
  return hn::IfThenElse(hn::Eq(u, one), x, result);
}

// exp(-P(t)), t >= 0.9: erfc(t) for f32 to 4e-7 relative up to t = 4, and beyond it decays faster.
template <class D>
HWY_INLINE hn::Vec<D> erfc_tail(D d, hn::Vec<D> t) {
  constexpr float c[] = {0.00050429451948907834f,  1.1267624752604892f,    0.63795382992291952f,
                         0.10414881448178951f,     -0.022971913703840973f, 0.0035225645342889685f,
                         -0.00032889070349186054f, 1.3933059758533616e-5f};
  return exp(d, hn::Neg(polynomial(d, hn::Min(hn::Set(d, 30.0f), t), c)));
}

// erf(x) for |x| <= 0.95, f32.
template <class D>
HWY_INLINE hn::Vec<D> erf_near_zero(D d, hn::Vec<D> x) {
  constexpr float c[] = {0.12837916646478846f,   -0.37612632047127881f,  0.11283669468623777f,
                         -0.026857959062737153f, 0.0051974872266270113f, -0.00081029155609806916f,
                         8.2041696761601188e-5f};
  return hn::MulAdd(x, polynomial(d, hn::Mul(x, x), c), x);
}

template <class D>
HWY_INLINE hn::Vec<D> erf_f32(D d, hn::Vec<D> x) {
  const auto t = hn::Abs(x);
  const auto far = hn::Sub(hn::Set(d, 1.0f), erfc_tail(d, t));
  return hn::IfThenElse(hn::Gt(t, hn::Set(d, 0.925f)), hn::CopySignToAbs(far, x),
                        erf_near_zero(d, x));
}

template <class D>
HWY_INLINE hn::Vec<D> erfc_f32(D d, hn::Vec<D> x) {
  const auto t = hn::Abs(x);
  const auto tail = erfc_tail(d, t);
  const auto far = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 2.0f), tail), tail);
  const auto near = hn::Sub(hn::Set(d, 1.0f), erf_near_zero(d, x));
  return hn::IfThenElse(hn::Gt(t, hn::Set(d, 0.925f)), far, near);
}

// x P(X < x) for a standard normal X, f32; negative x by erfc, so that small results keep digits.
template <class D>
HWY_INLINE hn::Vec<D> gelu_f32(D d, hn::Vec<D> x) {
  const auto half_x = hn::Mul(hn::Set(d, 0.5f), x);
  const auto scaled = hn::Mul(x, hn::Set(d, 0.70710678118654752f));
  const auto t = hn::Abs(scaled);
  const auto tail = hn::Mul(half_x, erfc_tail(d, t));
  const auto far = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(x, tail));
  const auto near = hn::MulAdd(half_x, erf_near_zero(d, scaled), half_x);
  const auto infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto large = hn::IfThenElse(hn::Eq(x, infinity), x, far);
  return hn::IfThenElse(hn::Gt(t, hn::Set(d, 0.925f)), large, near);
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // NACRE_KERNELS_CPU_SIMD_MATH_INL_H_
