// det, slogdet; cofactor, the matrix of cofactors, which is the gradient of det, and its own
// gradient cofactor_backward. The gradient of a determinant is often written det(a) a^-T, but it
// exists for singular matrices too: with a = u diag(s) v^T the cofactors are det(u v) u
// diag(products of all other s) v^T. Giles, "Collected matrix derivative results for forward and
// reverse mode algorithmic differentiation", 2008.
#include <array>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/linalg/linalg_support.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

namespace nacre {

Tensor det(const Operand& a) { return emit_one(Op::det, {a.tensor()}, a.at()); }
SignLogDet slogdet(const Operand& a) {
  const TensorList out = emit(Op::slogdet, {}, std::array{a.tensor()}, a.at());
  return {out[0], out[1]};
}

namespace op_defs {

std::vector<Sample> samples_of_squares() {
  const auto sample = [](Shape a, DType d) {
    return Sample{.inputs = {{{d, a}, -2, 2, Fill::positive_definite}}, .tolerance_scale = 50};
  };
  return {sample({3, 3}, f32),
          sample({9, 9}, f32),
          sample({2, 4, 4}, f64),
          sample({1, 1}, f32),
          {.inputs = {{{f64, {3, 3}}}}, .tolerance_scale = 1000}};
}

namespace {

using G = const VjpContext&;
using L = TensorList;

Tensor cofactors(const Tensor& a) { return emit_one(Op::cofactor, {a}, {}); }

SpecList infer_scalar_of_matrix(const InferContext& c) {
  c.expect_inputs(1);
  expect_square(c, 0);
  return {{c.inputs[0].dtype, batch_shape(c.inputs[0].shape)}};
}

// The sign and log magnitude of each determinant.
void determinants(const ReferenceContext& c, std::vector<double>& signs,
                  std::vector<double>& logs) {
  const auto n = static_cast<std::size_t>(c.in_shape(0).at_back(-1));
  const std::vector<double> a = c.load(0);
  for_each_matrix(c.in_shape(0), [&](std::int64_t i) {
    matrix_algorithms::Matrix none;
    signs.push_back(0);
    logs.push_back(0);
    matrix_algorithms::eliminate(matrix_of(a, i, n * n), none, n, 0, signs.back(), logs.back());
  });
}

Tensor per_matrix(const Tensor& x) { return expand_dims(x, {-2, -1}); }

SpecList infer_same_square(const InferContext& c) {
  c.expect_inputs(c.op == Op::cofactor ? 1 : 2);
  expect_square(c, 0);
  for (const Spec& spec : c.inputs) {
    if (!(spec == c.inputs[0])) c.fail_shape("the matrix and the cotangent differ");
  }
  return {c.inputs[0]};
}

// f(matrices i of the inputs, n) for each i.
template <class F>
void per_square(const ReferenceContext& c, F&& f) {
  const auto n = static_cast<std::size_t>(c.in_shape(0).at_back(-1));
  std::vector<std::vector<double>> all;
  for (std::size_t i = 0; i < c.in_specs.size(); ++i) all.push_back(c.load(i));
  std::vector<double> out;
  for_each_matrix(c.in_shape(0), [&](std::int64_t i) {
    std::vector<matrix_algorithms::Matrix> matrices;
    for (const auto& input : all) matrices.push_back(matrix_of(input, i, n * n));
    const matrix_algorithms::Matrix result = f(matrices, n);
    out.insert(out.end(), result.begin(), result.end());
  });
  c.store(0, out);
}

// Of `inputs` equal specs, singular matrices among them.
std::vector<Sample> with_singular(std::size_t inputs) {
  std::vector<Sample> list;
  const auto add = [&](SampleInput a, double scale) {
    const SampleInput ct{a.spec};
    Sample s{.inputs = {std::move(a)}, .tolerance_scale = scale};
    while (s.inputs.size() < inputs) s.inputs.push_back(ct);
    list.push_back(std::move(s));
  };
  add({{f32, {3, 3}}, -2, 2, Fill::positive_definite}, 50);
  add({{f64, {2, 4, 4}}, -2, 2, Fill::positive_definite}, 50);
  add({{f32, {1, 1}}, -2, 2, Fill::positive_definite}, 50);
  add({{f64, {3, 3}}}, 1000);
  add({{f64, {4, 2, 2}}, -1, 2, Fill::integers}, 50);
  return list;
}

}  // namespace

const OpDef det = {
    .name = "det",
    .infer = infer_scalar_of_matrix,
    .vjp = [](G c) -> L { return {per_matrix(c.ct()) * cofactors(c.in(0))}; },
    .reference =
        [](const ReferenceContext& c) {
          std::vector<double> signs;
          std::vector<double> logs;
          determinants(c, signs, logs);
          for (std::size_t i = 0; i < signs.size(); ++i) signs[i] *= std::exp(logs[i]);
          c.store(0, signs);
        },
    .cost = cost_cubic,
    .onnx = "Det",
    .samples = samples_of_squares,
};

const OpDef slogdet = {
    .name = "slogdet",
    .infer = [](const InferContext& c) -> SpecList {
      const SpecList one = infer_scalar_of_matrix(c);
      return {one[0], one[0]};
    },
    // Infinite for a singular matrix: an error that says so.
    .vjp = [](G c) -> L {
      const Attrs attrs{{"called", std::string("the gradient of slogdet")}};
      return {per_matrix(c.ct(1)) * mt(emit_one(Op::inverse, attrs, {c.in(0)}, {}))};
    },
    .reference =
        [](const ReferenceContext& c) {
          std::vector<double> signs;
          std::vector<double> logs;
          determinants(c, signs, logs);
          c.store(0, signs);
          c.store(1, logs);
        },
    .cost = cost_cubic,
    .samples = samples_of_squares,
};

const OpDef cofactor = {
    .name = "cofactor",
    .infer = infer_same_square,
    .vjp = [](G c) -> L {
      return {emit_one(Op::cofactor_backward, {c.in(0), c.ct()}, {})};
    },
    .reference =
        [](const ReferenceContext& c) {
          per_square(c, [](const auto& a, std::size_t n) {
            return matrix_algorithms::cofactors(a[0], n);
          });
        },
    .cost = cost_cubic,
    .samples = [] { return with_singular(1); },
    .second_order = false,
};

// (a, ct): linear and symmetric in ct, so that it is its own adjoint there.
const OpDef cofactor_backward = {
    .name = "cofactor_backward",
    .infer = infer_same_square,
    .gradient = Gradient::none,
    .gradient_hint = "determinants have gradients of first and second order",
    .reference =
        [](const ReferenceContext& c) {
          per_square(c, [](const auto& a, std::size_t n) {
            return matrix_algorithms::cofactors_gradient(a[0], a[1], n);
          });
        },
    .cost = cost_cubic,
    .samples = [] { return with_singular(2); },
};

}  // namespace op_defs
}  // namespace nacre
