// Products with few columns, deep, with the second operand transposed, have a path of their own.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"

namespace nacre {
namespace {

void expect_like_sums(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) {
  const Tensor a = sin(arange(m * k, f64)).reshape({m, k}).to(dtype);
  const Tensor b = cos(arange(n * k, f64)).reshape({n, k}).to(dtype);
  const Tensor wide_a = a.to(f64).reshape({m, 1, k});
  const Tensor wide_b = b.to(f64).reshape({1, n, k});
  const Tensor wanted = sum(wide_a * wide_b, {2});
  auto product = compile([](const Tensor& x, const Tensor& y) { return matmul(x, transpose(y)); });
  const double error = max(abs(product(a, b).to(f64) - wanted)).item<double>();
  // What k additions one after the other may lose; wider vectors lose less.
  const double size = max(sum(abs(wide_a * wide_b), {2})).item<double>();
  const double unit = dtype == f64 ? std::ldexp(1, -53) : std::ldexp(1, -24);
  EXPECT_LT(error, 2 * std::sqrt(static_cast<double>(k)) * unit * size)
      << m << "x" << n << "x" << k << " " << name_of(dtype);
}

TEST(NarrowProduct, OddSizesAreRight) {
  for (const std::int64_t m : {1, 3, 4, 7, 13}) {
    for (const std::int64_t n : {1, 3, 5, 10, 15}) {
      for (const std::int64_t k : {128, 131, 784}) {
        expect_like_sums(m, n, k, f32);
        expect_like_sums(m, n, k, f64);
      }
    }
  }
}

}  // namespace
}  // namespace nacre
