// Linear algebra: known values, identities, functions made of the ops, and error texts. The generic
// tests compare kernels with references and gradients with finite differences.
#include "nacre/ops/linalg/linalg.h"
#include "nacre/ops/define/emit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nacre/base/random.h"
#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;
using test::text_without_line;

Tensor random_tensor(const Shape& shape, std::uint64_t seed, DType dtype = f64) {
  RandomStream random(seed);
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  for (double& v : values) v = random.uniform(-1, 1);
  return cast(Tensor::from(values, shape), dtype);
}

void expect_close(const Tensor& a, const Tensor& b, double tolerance = 1e-9) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_LT(max(abs(a - b)).item<double>(), tolerance);
}

Tensor swapped(const Tensor& x) {
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return transpose(x, axes);
}

TEST(Linalg, SolveBroadcastsAndTakesVectors) {
  const Tensor a = random_tensor({4, 4}, 1) + 3 * eye(4, f64);
  const Tensor b = random_tensor({2, 3, 4, 5}, 2);
  expect_close(matmul(a, solve(a, b)), b);
  const Tensor v = random_tensor({4}, 3);
  const Tensor x = solve(a, v);
  EXPECT_EQ(x.shape(), Shape{4});
  expect_close(matmul(a, x), v);
  const Tensor many = random_tensor({6, 4, 4}, 4) + 3 * eye(4, f64);
  EXPECT_EQ(solve(many, v).shape(), (Shape{6, 4}));
}

TEST(Linalg, CholeskySolve) {
  const Tensor g = random_tensor({2, 5, 5}, 5);
  const Tensor a = matmul(g, swapped(g)) + eye(5, f64);
  const Tensor b = random_tensor({2, 5, 2}, 6);
  const Tensor l = cholesky(a);
  expect_close(matmul(l, swapped(l)), a);
  expect_close(cholesky_solve(l, b), solve(a, b));
}

TEST(Linalg, InverseAndDeterminants) {
  const Tensor a = tensor({{2, 1}, {7, 4}}, f64);
  expect_close(inverse(a), tensor({{4, -1}, {-7, 2}}, f64));
  EXPECT_NEAR(det(a).item<double>(), 1, 1e-12);
  const auto [sign, log] = slogdet(tensor({{0, 2}, {3, 0}}, f64));
  EXPECT_EQ(sign.item(), -1);
  EXPECT_NEAR(log.item<double>(), std::log(6), 1e-12);
  const Tensor singular = tensor({{1, 2}, {2, 4}}, f64);
  EXPECT_EQ(det(singular).item(), 0);
  EXPECT_EQ(slogdet(singular).sign.item(), 0);
  EXPECT_EQ(slogdet(singular).log.item(), -INFINITY);
}

TEST(Linalg, FactorsGiveTheMatrixBack) {
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 5}, Shape{4, 4}, Shape{2, 40, 7}}) {
    const Tensor a = random_tensor(shape, 7);
    const Qr f = qr(a);
    expect_close(matmul(f.q, f.r), a);
    const Tensor inner = matmul(swapped(f.q), f.q);
    expect_close(inner, broadcast_to(eye(inner.size(-1), f64), inner.shape()));
    const Svd s = svd(a);
    expect_close(matmul(s.u * expand_dims(s.s, {-2}), s.vh), a);
    const Tensor p = pinv(a);
    expect_close(matmul(matmul(a, p), a), a);
    expect_close(matmul(matmul(p, a), p), p);
  }
}

TEST(Linalg, EighOfASymmetricMatrix) {
  const Tensor g = random_tensor({3, 6, 6}, 8);
  const Tensor a = g + swapped(g);
  const Eigh e = eigh(a);
  expect_close(matmul(a, e.vectors), e.vectors * expand_dims(e.values, {-2}));
  const std::vector<double> w = e.values.to_vector<double>();
  EXPECT_TRUE(std::is_sorted(w.begin(), w.begin() + 6));
}

TEST(Linalg, LeastSquares) {
  const Tensor tall = random_tensor({7, 3}, 9);
  const Tensor b = random_tensor({7}, 10);
  expect_close(lstsq(tall, b), matmul(pinv(tall), b));
  const Tensor wide = random_tensor({3, 7}, 11);
  const Tensor c = random_tensor({3, 2}, 12);
  expect_close(lstsq(wide, c), matmul(pinv(wide), c));
}

TEST(Linalg, PinvOfARankDeficientMatrix) {
  const Tensor a = tensor({{1, 2}, {2, 4}, {0, 0}}, f64);
  expect_close(pinv(a), tensor({{1, 2, 0}, {2, 4, 0}}, f64) / 25);
}

TEST(Linalg, MatrixPower) {
  const Tensor a = tensor({{1, 1}, {1, 0}}, f64);
  expect_close(matrix_power(a, 10), tensor({{89, 55}, {55, 34}}, f64));
  expect_close(matrix_power(a, 0), eye(2, f64));
  expect_close(matrix_power(a, -3), inverse(matrix_power(a, 3)));
}

TEST(Linalg, LargeBatchOnThreads) {
  const Tensor a = random_tensor({64, 24, 24}, 13, f32) + 5 * eye(24);
  expect_close(matmul(a, inverse(a)), broadcast_to(eye(24), {64, 24, 24}), 1e-5);
}

TEST(Linalg, EmptyBatch) {
  EXPECT_EQ(inverse(zeros({0, 3, 3})).shape(), (Shape{0, 3, 3}));
  EXPECT_EQ(svd(zeros({0, 3, 2})).s.shape(), (Shape{0, 2}));
}

TEST(Linalg, GradientThroughSingularValuesAlone) {
  // The sum of singular values of a multiple of the identity: all equal, yet differentiable.
  const auto g = grad([](const Tensor& x) { return sum(svd(x).s); })(eye(3, f64) * 2);
  expect_close(g, eye(3, f64));
}

// The adjugate, transposed: it exists for singular matrices. And its own derivative.
TEST(Linalg, GradientOfASingularDeterminant) {
  const auto total = [](const Tensor& a) { return sum(det(a)); };
  const auto expect_gradient = [&](const Tensor& a, const Tensor& expected) {
    expect_close(grad(total)(a), expected);
    auto compiled = compile([&](const Tensor& t) { return grad(total)(t); });
    expect_close(compiled(a), expected);
    expect_close(grad(total)(a.to(f32)), expected.to(f32), 1e-4);
  };
  expect_gradient(tensor({{1, 2}, {2, 4}}, f64), tensor({{4, -2}, {-2, 1}}, f64));
  expect_gradient(tensor({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, f64),
                  tensor({{-3, 6, -3}, {6, -12, 6}, {-3, 6, -3}}, f64));
  expect_gradient(ones({3, 3}, f64), zeros({3, 3}, f64));
  expect_gradient(zeros({2, 2}, f64), zeros({2, 2}, f64));
  expect_gradient(zeros({1, 1}, f64), ones({1, 1}, f64));
  expect_gradient(tensor({{{2, 0}, {0, 3}}, {{0, 0}, {0, 5}}}, f64),
                  tensor({{{3, 0}, {0, 2}}, {{5, 0}, {0, 0}}}, f64));
  // d^2 (ad - bc): the gradient of <gradient, w> is w's adjugate, whatever the matrix.
  const Tensor w = tensor({{1, 2}, {3, 4}}, f64);
  const auto along = [&](const Tensor& a) { return sum(grad(total)(a) * w); };
  for (const Tensor& a : {zeros({2, 2}, f64), tensor({{1, 2}, {2, 4}}, f64)}) {
    expect_close(grad(along)(a), tensor({{4, -3}, {-2, 1}}, f64));
  }
}

TEST(LinalgErrors, GradientsPointAtTheUsersLine) {
  const auto at = [](const Tensor& t) { return Operand(t, Location("net.cpp", 7)); };
  const auto f = [&](const Tensor& a) { return sum(slogdet(at(a)).log); };
  const std::string expected =
      "the gradient of slogdet: matrix 0 of the batch is singular\n  called at net.cpp:7\n"
      "  hint: use pinv";
  EXPECT_EQ(text_of<ValueError>([&] { grad(f)(ones({2, 2})); }), expected);
  auto compiled = compile([&](const Tensor& a) { return grad(f)(a); });
  EXPECT_EQ(text_of<ValueError>([&] { compiled(ones({2, 2})); }), expected);
}

// Before anything is allocated.
TEST(LinalgErrors, MoreThanLapackCounts) {
  const Spec large{f32, {40000, 40000}};
  for (const Op op : {Op::eigh, Op::svd}) {
    const std::string text = text_of<ValueError>([&] { infer_specs(op, {}, {&large, 1}, {}); });
    EXPECT_NE(text.find("a matrix of 40000 by 40000 needs more scratch memory than LAPACK counts"),
              std::string::npos)
        << text;
  }
}

TEST(LinalgErrors, SingularMatrixNamesItsPlace) {
  Tensor a = ones({3, 2, 2}, f64) + eye(2, f64);
  a = a * tensor({1, 1, 0}, f64).reshape({3, 1, 1});
  EXPECT_EQ(text_without_line<ValueError>([&] { solve(a, ones({2}, f64)); }),
            "solve: matrix 2 of the batch is singular\n"
            "  hint: use lstsq or pinv, or add a small multiple of eye(n)");
  EXPECT_EQ(text_without_line<ValueError>([&] { inverse(a); }),
            "inverse: matrix 2 of the batch is singular\n"
            "  hint: use pinv");
  EXPECT_EQ(text_without_line<ValueError>([&] { triangular_solve(a, ones({2}, f64)); }),
            "triangular_solve: matrix 2 of the batch is singular\n"
            "  hint: use lstsq or pinv, or add a small multiple of eye(n)");
  EXPECT_EQ(text_without_line<ValueError>([&] { cholesky(a - 3 * eye(2, f64)); }),
            "cholesky: matrix 0 of the batch is not positive definite\n"
            "  hint: add a small multiple of eye(n)");
  EXPECT_EQ(text_without_line<ValueError>([] {
              svd(full({2, 2}, NAN));
            }),
            "svd: matrix 0 of the batch has no singular value decomposition that converges\n"
            "  hint: look for NaN or infinite elements");
  EXPECT_EQ(text_without_line<ValueError>([] {
              eigh(full({2, 2}, NAN));
            }),
            "eigh: matrix 0 of the batch has no eigenvalues that converge\n"
            "  hint: look for NaN or infinite elements");
}

TEST(LinalgErrors, Checks) {
  EXPECT_EQ(text_without_line<ShapeError>([] {
              inverse(ones({2, 3}));
            }),
            "inverse: a square matrix expected, 2 by 3 given\n"
            "  input f32[2,3]\n"
            "  hint: lstsq and pinv take any matrix");
  EXPECT_EQ(text_without_line<ShapeError>([] { svd(ones({3})); }),
            "svd: a matrix or a batch of matrices expected\n"
            "  input f32[3]\n"
            "  hint: give it two axes: x.reshape({n, m})");
  EXPECT_EQ(text_without_line<DTypeError>([] {
              eigh(ones({2, 2}, i32));
            }),
            "eigh: f32 or f64 expected, i32 given\n"
            "  input i32[2,2]\n"
            "  hint: convert it with x.to(nacre::f32)");
  EXPECT_EQ(text_without_line<ShapeError>([] {
              solve(eye(2), ones({3, 1}));
            }),
            "solve: the matrix has 2 rows, the right side 3\n"
            "  left f32[2,2], right f32[3,1]");
  EXPECT_EQ(text_without_line<ShapeError>([] {
              solve(ones({3, 2, 2}), ones({2, 2, 1}));
            }),
            "solve: the batch dimensions differ\n"
            "  left f32[3,2,2], right f32[2,2,1]");
  EXPECT_EQ(text_without_line<ShapeError>([] {
              matrix_power(ones({2, 3}), 2);
            }),
            "matrix_power: a square matrix expected\n"
            "  input f32[2,3]");
}

}  // namespace
}  // namespace nacre
