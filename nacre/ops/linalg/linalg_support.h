// What the linear algebra ops share: checks, constants and small products of matrices.
#pragma once

#include <fmt/format.h>

#include <limits>

#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/linalg/linalg.h"
#include "nacre/ops/product/matmul.h"
#include "nacre/ops/shape/movement.h"

namespace nacre::op_defs {

inline void expect_matrix(const InferContext& c, std::size_t i) {
  const DType d = c.inputs[i].dtype;
  if (d != f32 && d != f64) {
    c.fail_dtype(fmt::format("f32 or f64 expected, {} given", name_of(d)),
                 "convert it with x.to(nacre::f32)");
  }
  if (c.inputs[i].shape.rank() < 2) {
    c.fail_shape("a matrix or a batch of matrices expected", "give it two axes: x.reshape({n, m})");
  }
}
inline void expect_square(const InferContext& c, std::size_t i) {
  expect_matrix(c, i);
  const Shape& s = c.inputs[i].shape;
  if (s.at_back(-1) != s.at_back(-2)) {
    c.fail_shape(
        fmt::format("a square matrix expected, {} by {} given", s.at_back(-2), s.at_back(-1)),
        "lstsq and pinv take any matrix");
  }
}

inline Shape batch_shape(const Shape& s) {
  return Shape(std::span(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
}
inline Shape matrix_shape(Shape batch, std::int64_t m, std::int64_t n) {
  batch.push_back(m);
  batch.push_back(n);
  return batch;
}

// Row i, column j of an m by n constant.
template <class F>
Tensor constant_matrix(std::int64_t m, std::int64_t n, DType dtype, F&& f) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) values.push_back(f(i, j));
  }
  return nacre::cast(Tensor::from(values, {m, n}), dtype);
}
// x with the upper triangle set to zero, the diagonal multiplied with `diagonal`.
inline Tensor lower_part(const Tensor& x, double diagonal = 1) {
  return x * constant_matrix(x.size(-2), x.size(-1), x.dtype(), [=](auto i, auto j) {
           return i > j ? 1.0 : i == j ? diagonal : 0.0;
         });
}
inline Tensor mt(const Tensor& x) {
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return nacre::transpose(x, axes);
}
// Products a b, a^T b and a b^T.
inline Tensor mm(const Tensor& a, const Tensor& b) { return nacre::matmul(a, b); }
inline Tensor mm_tn(const Tensor& a, const Tensor& b) {
  return nacre::matmul(a, b, {.transpose_a = true});
}
inline Tensor mm_nt(const Tensor& a, const Tensor& b) {
  return nacre::matmul(a, b, {.transpose_b = true});
}
// A batch of vectors as rows [..., 1, n] or columns [..., n, 1].
inline Tensor as_rows(const Tensor& x) { return expand_dims(x, {-2}); }
inline Tensor as_columns(const Tensor& x) { return expand_dims(x, {-1}); }

// Calls f(index) for each matrix of a batch.
template <class F>
void for_each_matrix(const Shape& shape, F&& f) {
  const std::int64_t n = batch_shape(shape).elements();
  for (std::int64_t i = 0; i < n; ++i) f(i);
}

[[noreturn]] inline void fail_matrix(std::string_view op, std::int64_t index, std::string_view what,
                                     std::string_view hint) {
  throw ValueError(format_error(
      {.op = op, .what = fmt::format("matrix {} of the batch {}", index, what), .hint = hint}));
}

// The name that errors of an inverse bear: that of the op whose gradient it is, if any.
inline std::string inverse_name(const Attrs& attrs) {
  return attrs.has("called") ? attrs.text("called") : "inverse";
}

// Matrix i of a batch of matrices of `size` elements.
inline std::vector<double> matrix_of(const std::vector<double>& all, std::int64_t i,
                                     std::size_t size) {
  const auto first = all.begin() + i * static_cast<std::ptrdiff_t>(size);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

// Refuses what needs more scratch numbers than LAPACK counts.
inline void expect_workspace(const InferContext& c, double numbers) {
  if (numbers > std::numeric_limits<std::int32_t>::max()) {
    c.fail_value(fmt::format("a matrix of {} by {} needs more scratch memory than LAPACK counts in "
                             "32 bits",
                             c.inputs[0].shape.at_back(-2), c.inputs[0].shape.at_back(-1)),
                 "decompose smaller matrices");
  }
}

// Samples of functions of well-conditioned square matrices.
std::vector<Sample> samples_of_squares();

inline Cost cost_cubic(const Attrs&, std::span<const Spec> in, std::span<const Spec> out) {
  const Shape& s = in[0].shape;
  const auto n = static_cast<double>(std::max<std::int64_t>(s.at_back(-1), 1));
  double bytes = 0;
  for (const Spec& spec : in) bytes += static_cast<double>(spec.bytes());
  for (const Spec& spec : out) bytes += static_cast<double>(spec.bytes());
  return {2 * n * static_cast<double>(s.elements()), bytes};
}

}  // namespace nacre::op_defs
