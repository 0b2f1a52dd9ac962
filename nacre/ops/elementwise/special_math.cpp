// Formulas: Abramowitz and Stegun, chapter 6 (gamma and related functions) and 26.2 (normal
// quantiles); the digamma and zeta tails are their Euler-Maclaurin expansions.
#include "nacre/ops/elementwise/special_math.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace nacre {
namespace {

using std::numbers::pi;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_pole(double x) { return x <= 0 && x == std::floor(x); }

// The sum over k >= 0 of (q + k)^-s, s >= 2 an integer.
double hurwitz_zeta(int s, double q) {
  constexpr double kShift = 14;
  if (q < -1e4) return kNan;
  double total = 0;
  while (q < kShift) {
    total += std::pow(q, -s);
    q += 1;
  }
  // B_2j / (2j)!
  constexpr double kTail[] = {1.0 / 12,           -1.0 / 720,     1.0 / 30240,
                              -1.0 / 1209600,     1.0 / 47900160, -691.0 / 1307674368000.0,
                              1.0 / 74724249600.0};
  double power = std::pow(q, -s);
  total += power * q / (s - 1) + power / 2;
  double rising = s;  // s (s + 1) ... (s + 2j - 2)
  power /= q;
  for (int j = 0; j < 7; ++j) {
    total += kTail[j] * rising * power;
    rising *= (s + 2.0 * j + 1) * (s + 2.0 * j + 2);
    power /= q * q;
  }
  return total;
}

// A number with its derivative with respect to a.
struct Dual {
  double value;
  double slope;
};
Dual operator+(Dual x, Dual y) { return {x.value + y.value, x.slope + y.slope}; }
Dual operator*(Dual x, Dual y) {
  return {x.value * y.value, x.slope * y.value + x.value * y.slope};
}
Dual operator/(Dual x, Dual y) {
  const double q = x.value / y.value;
  return {q, (x.slope - q * y.slope) / y.value};
}

}  // namespace

namespace {

// y > 0 with erf(y) = size, where rest = 1 - size is known to more digits than `size` keeps.
double positive_inverse_erf(double size, double rest) {
  // Winitzki's estimate (2008), then Halley's steps; near 1 against erfc, which keeps its digits.
  constexpr double a = 0.147;
  const double l = std::log(rest * (1 + size));
  const double t = 2 / (pi * a) + l / 2;
  double y = size < 1e-4 ? size : std::sqrt(std::sqrt(t * t - l / a) - t);
  for (int i = 0; i < 4; ++i) {
    const double excess = size < 0.5 ? std::erf(y) - size : rest - std::erfc(y);
    const double step = excess / (2 / std::sqrt(pi) * std::exp(-y * y));
    y -= step / (1 + y * step);
  }
  return y;
}

}  // namespace

double inverse_erf(double x) {
  const double size = std::fabs(x);
  if (!(size <= 1)) return kNan;
  if (size == 1) return std::copysign(kInfinity, x);
  return std::copysign(positive_inverse_erf(size, 1 - size), x);
}

double normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return kNan;
  const double tail = 2 * (p < 0.5 ? p : 1 - p);
  if (tail == 0) return p < 0.5 ? -kInfinity : kInfinity;
  const double x = std::numbers::sqrt2 * positive_inverse_erf(1 - tail, tail);
  return p < 0.5 ? -x : x;
}

double log_gamma(double x) {
#if defined(__GLIBC__)
  int sign = 0;
  return ::lgamma_r(x, &sign);
#else
  return std::lgamma(x);
#endif
}

double digamma_value(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  if (is_pole(x)) return kNan;
  double result = 0;
  if (x < 0) {
    result = -pi / std::tan(pi * std::fmod(x, 1.0));
    x = 1 - x;
  }
  while (x < 10) {
    result -= 1 / x;
    x += 1;
  }
  const double w = 1 / (x * x);
  const double tail =
      w * (1.0 / 12 - w * (1.0 / 120 -
                           w * (1.0 / 252 -
                                w * (1.0 / 240 - w * (1.0 / 132 - w * (691.0 / 32760 - w / 12))))));
  return result + std::log(x) - 0.5 / x - tail;
}

double polygamma_value(int n, double x) {
  if (std::isnan(x)) return x;
  if (is_pole(x)) return n % 2 == 1 ? kInfinity : kNan;
  if (n == 1 && x < 0) {
    const double s = std::sin(pi * std::fmod(x, 1.0));
    return pi * pi / (s * s) - hurwitz_zeta(2, 1 - x);
  }
  const double value = std::tgamma(n + 1.0) * hurwitz_zeta(n + 1, x);
  return n % 2 == 1 ? value : -value;
}

double gamma_sample_derivative(double a, double z) {
  if (!(a > 0) || !(z >= 0)) return kNan;
  if (z == 0) return 0;
  if (a > 1e5) return (z + a) / (2 * a);  // z = a + sqrt(a) e + (e^2 - 1) / 3 + O(a^-1/2)
  const double slope = std::log(z) - digamma_value(a);
  if (z < a + 1) {
    // P / density = z * sum of z^n / (a (a + 1) ... (a + n)).
    double term = 1 / a;
    double harmonic = 1 / a;
    double sum = term;
    double sum_slope = -term * harmonic;
    for (int n = 1; n < 100000; ++n) {
      term *= z / (a + n);
      harmonic += 1 / (a + n);
      sum += term;
      sum_slope -= term * harmonic;
      if (term * harmonic < 1e-17 * std::fabs(sum_slope)) break;
    }
    return -z * (sum * slope + sum_slope);
  }
  // (1 - P) / density = z * Legendre's continued fraction, by Lentz's method.
  Dual b{z + 1 - a, -1};
  Dual c{1e300, 0};
  Dual d = Dual{1, 0} / b;
  Dual h = d;
  for (int i = 1; i < 100000; ++i) {
    const Dual numerator{-i * (i - a), static_cast<double>(i)};
    b.value += 2;
    d = Dual{1, 0} / (numerator * d + b);
    c = b + numerator / c;
    const Dual factor = d * c;
    h = h * factor;
    if (std::fabs(factor.value - 1) < 1e-16 && std::fabs(factor.slope) < 1e-16) break;
  }
  return z * (h.value * slope + h.slope);
}

}  // namespace nacre
