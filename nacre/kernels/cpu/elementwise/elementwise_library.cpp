// Functions that go to the C library element by element: what is rare in a network's inner loops.
#include <cmath>

#include "nacre/kernels/cpu/elementwise/elementwise_functions.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/ops/elementwise/special_math.h"

namespace nacre::cpu {
namespace {

template <class T, class F>
void each(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
  const T* a = static_cast<const T*>(in[0]);
  T* to = static_cast<T*>(out);
  const std::size_t mask = scalars ? 0 : ~std::size_t{0};
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<T>(F()(a[i & mask]));
}

template <class T, class F>
void each_pair(const void* const* in, void* out, std::size_t n, unsigned scalars, const double*) {
  const T* a = static_cast<const T*>(in[0]);
  const T* b = static_cast<const T*>(in[1]);
  T* to = static_cast<T*>(out);
  const std::size_t mask_a = scalars & 1 ? 0 : ~std::size_t{0};
  const std::size_t mask_b = scalars & 2 ? 0 : ~std::size_t{0};
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<T>(F()(a[i & mask_a], b[i & mask_b]));
}

template <class T>
T floored_remainder(T a, T b) {
  const T r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
// a - r is a multiple of b up to rounding, so the quotient is rounded, not floored. The remainder
// of an infinite divisor is a itself: the step down comes after the division.
template <class T>
T floored_quotient(T a, T b) {
  if (b == 0) return a / b;
  const T r = std::fmod(a, b);
  T quotient = (a - r) / b;
  if (r != 0 && (r < 0) != (b < 0)) quotient -= 1;
  const T below = std::floor(quotient);
  return quotient - below > T(0.5) ? below + 1 : below;
}

NACRE_ELEMENT_1(Cbrt, auto, std::cbrt(x))
NACRE_ELEMENT_1(Tan, auto, std::tan(x))
NACRE_ELEMENT_1(Asin, auto, std::asin(x))
NACRE_ELEMENT_1(Acos, auto, std::acos(x))
NACRE_ELEMENT_1(Atan, auto, std::atan(x))
NACRE_ELEMENT_1(Asinh, auto, std::asinh(x))
NACRE_ELEMENT_1(Acosh, auto, std::acosh(x))
NACRE_ELEMENT_1(Atanh, auto, std::atanh(x))
NACRE_ELEMENT_1(Erfinv, auto, inverse_erf(x))
NACRE_ELEMENT_1(Lgamma, auto, log_gamma(x))
NACRE_ELEMENT_1(Digamma, auto, digamma_value(x))
NACRE_ELEMENT_2(Atan2, auto, std::atan2(a, b))
NACRE_ELEMENT_2(Hypot, auto, std::hypot(a, b))
NACRE_ELEMENT_2(Fmod, auto, std::fmod(a, b))
NACRE_ELEMENT_2(Remainder, auto, floored_remainder(a, b))
NACRE_ELEMENT_2(FloorDivide, auto, floored_quotient(a, b))

constexpr TileRow kRows[] = {
    {Op::cbrt, f32, each<float, Cbrt>},
    {Op::cbrt, f64, each<double, Cbrt>},
    {Op::tan, f32, each<float, Tan>},
    {Op::tan, f64, each<double, Tan>},
    {Op::asin, f32, each<float, Asin>},
    {Op::asin, f64, each<double, Asin>},
    {Op::acos, f32, each<float, Acos>},
    {Op::acos, f64, each<double, Acos>},
    {Op::atan, f32, each<float, Atan>},
    {Op::atan, f64, each<double, Atan>},
    {Op::asinh, f32, each<float, Asinh>},
    {Op::asinh, f64, each<double, Asinh>},
    {Op::acosh, f32, each<float, Acosh>},
    {Op::acosh, f64, each<double, Acosh>},
    {Op::atanh, f32, each<float, Atanh>},
    {Op::atanh, f64, each<double, Atanh>},
    {Op::erfinv, f32, each<float, Erfinv>},
    {Op::erfinv, f64, each<double, Erfinv>},
    {Op::lgamma, f32, each<float, Lgamma>},
    {Op::lgamma, f64, each<double, Lgamma>},
    {Op::digamma, f32, each<float, Digamma>},
    {Op::digamma, f64, each<double, Digamma>},
    {Op::atan2, f32, each_pair<float, Atan2>},
    {Op::atan2, f64, each_pair<double, Atan2>},
    {Op::hypot, f32, each_pair<float, Hypot>},
    {Op::hypot, f64, each_pair<double, Hypot>},
    {Op::fmod, f32, each_pair<float, Fmod>},
    {Op::fmod, f64, each_pair<double, Fmod>},
    {Op::remainder, f32, each_pair<float, Remainder>},
    {Op::remainder, f64, each_pair<double, Remainder>},
    {Op::floor_divide, f32, each_pair<float, FloorDivide>},
    {Op::floor_divide, f64, each_pair<double, FloorDivide>},
};

}  // namespace

std::span<const TileRow> library_tiles() { return kRows; }

}  // namespace nacre::cpu
