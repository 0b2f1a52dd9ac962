// Activation functions, and the error function that one of them is made of.
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nacre/kernels/cpu/elementwise/elementwise_activation.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/simd/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

NACRE_VECTOR_1(Sigmoid, sigmoid(d, x))
NACRE_VECTOR_1(Silu, hn::Mul(x, sigmoid(d, x)))
struct LeakyRelu {
  const double* numbers;
  explicit LeakyRelu(const double* n) : numbers(n) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const V slope = hn::Set(d, static_cast<T>(numbers[0]));
    return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(slope, x));
  }
};
// scale * (x > 0 ? x : alpha * expm1(input_scale * x)).
struct Elu {
  const double* numbers;
  explicit Elu(const double* n) : numbers(n) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const V alpha = hn::Set(d, static_cast<T>(numbers[0]));
    const V scale = hn::Set(d, static_cast<T>(numbers[1]));
    const V input_scale = hn::Set(d, static_cast<T>(numbers[2]));
    const V falling = hn::Mul(alpha, expm1(d, hn::Mul(input_scale, x)));
    return hn::Mul(scale, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, falling));
  }
};
// log(1 + exp(beta x)) / beta.
struct Softplus {
  const double* numbers;
  explicit Softplus(const double* n) : numbers(n) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    const V beta = hn::Set(d, static_cast<T>(numbers[0]));
    const V falling = exp(d, hn::Neg(hn::Abs(hn::Mul(beta, x))));
    const V ramp = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);
    return hn::Add(ramp, hn::Div(log1p(d, falling), beta));
  }
};

// The error functions of f64 are the C library's.
struct Erf {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    if constexpr (sizeof(hn::TFromD<D>) == 4) {
      return erf_f32(d, x);
    } else {
      return by_library(d, x, [](double y) { return std::erf(y); });
    }
  }
};
struct Erfc {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    if constexpr (sizeof(hn::TFromD<D>) == 4) {
      return erfc_f32(d, x);
    } else {
      return by_library(d, x, [](double y) { return std::erfc(y); });
    }
  }
};
// numbers[0] chooses the form with tanh.
struct Gelu {
  bool approximate;
  explicit Gelu(const double* numbers) : approximate(numbers[0] != 0) {}
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    using T = hn::TFromD<D>;
    if (approximate) {
      const V half = hn::Mul(hn::Set(d, T(0.5)), x);
      const V square = hn::Mul(x, x);
      const V inner = hn::Mul(hn::Mul(hn::Set(d, T(0.79788456080286536)), x),
                              hn::MulAdd(square, hn::Set(d, T(0.044715)), hn::Set(d, T(1))));
      return hn::MulAdd(half, tanh(d, inner), half);
    }
    if constexpr (sizeof(T) == 4) {
      return gelu_f32(d, x);
    } else {
      return by_library(d, x,
                        [](double y) { return 0.5 * y * std::erfc(y * -0.70710678118654752); });
    }
  }
};

std::span<const TileRow> Activations() {
  static constexpr TileRow kRows[] = {
      {Op::sigmoid, f32, tile1<float, Sigmoid>},
      {Op::sigmoid, f64, tile1<double, Sigmoid>},
      {Op::silu, f32, tile1<float, Silu>},
      {Op::silu, f64, tile1<double, Silu>},
      {Op::leaky_relu, f32, tile1<float, LeakyRelu>},
      {Op::leaky_relu, f64, tile1<double, LeakyRelu>},
      {Op::elu, f32, tile1<float, Elu>},
      {Op::elu, f64, tile1<double, Elu>},
      {Op::softplus, f32, tile1<float, Softplus>},
      {Op::softplus, f64, tile1<double, Softplus>},
      {Op::gelu, f32, tile1<float, Gelu>},
      {Op::gelu, f64, tile1<double, Gelu>},
      {Op::erf, f32, tile1<float, Erf>},
      {Op::erf, f64, tile1<double, Erf>},
      {Op::erfc, f32, tile1<float, Erfc>},
      {Op::erfc, f64, tile1<double, Erfc>},
  };
  return kRows;
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nacre::cpu {
HWY_EXPORT(Activations);
std::span<const TileRow> activation_tiles() { return HWY_DYNAMIC_DISPATCH(Activations)(); }
}  // namespace nacre::cpu
#endif
