// cholesky, qr, svd, eigh, pinv {rcond}.
//
// Gradients: Murray, "Differentiation of the Cholesky decomposition", 2016; Seeger et al.,
// "Auto-differentiating linear algebra", 2017 (qr); Townsend, "Differentiating the singular value
// decomposition", 2016; Ionescu et al., "Matrix backpropagation for deep networks with structured
// layers", 2015; Giles 2008 (eigh); Golub and Pereyra, "The differentiation of pseudo-inverses and
// nonlinear least squares problems whose variables separate", 1973.
#include <cmath>
#include <limits>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/linalg/linalg_support.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

namespace nacre {

Tensor cholesky(const Operand& a) { return emit_one(Op::cholesky, {a.tensor()}, a.at()); }
Qr qr(const Operand& a) {
  const TensorList out = emit(Op::qr, {}, std::array{a.tensor()}, a.at());
  return {out[0], out[1]};
}
Svd svd(const Operand& a) {
  const TensorList out = emit(Op::svd, {}, std::array{a.tensor()}, a.at());
  return {out[0], out[1], out[2]};
}
Eigh eigh(const Operand& a) {
  const TensorList out = emit(Op::eigh, {}, std::array{a.tensor()}, a.at());
  return {out[0], out[1]};
}
Tensor pinv(const Operand& a, double rcond) {
  return emit_one(Op::pinv, {{"rcond", rcond}}, {a.tensor()}, a.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

struct Dims {
  std::size_t m, n, k;
};
Dims dims_of(const Shape& s) {
  const auto m = static_cast<std::size_t>(s.at_back(-2));
  const auto n = static_cast<std::size_t>(s.at_back(-1));
  return {m, n, std::min(m, n)};
}

// Calls f(index, matrix, results) for each matrix; what f puts into results[i] is appended to
// output i.
template <std::size_t N, class F>
void factor_reference(const ReferenceContext& c, F&& f) {
  const std::vector<double> a = c.load(0);
  const Dims d = dims_of(c.in_shape(0));
  std::array<std::vector<double>, N> all;
  for_each_matrix(c.in_shape(0), [&](std::int64_t i) {
    const auto first = a.begin() + i * static_cast<std::ptrdiff_t>(d.m * d.n);
    std::array<std::vector<double>, N> results;
    f(i, matrix_algorithms::Matrix(first, first + static_cast<std::ptrdiff_t>(d.m * d.n)), results);
    for (std::size_t k = 0; k < N; ++k) {
      all[k].insert(all[k].end(), results[k].begin(), results[k].end());
    }
  });
  for (std::size_t k = 0; k < N; ++k) c.store(k, all[k]);
}

Tensor symmetrized(const Tensor& x) { return (x + mt(x)) * 0.5; }

// 1 / (x_j - x_i) off the diagonal, zeros on it.
Tensor inverse_gaps(const Tensor& x) {
  const Tensor one = eye(x.size(-1), x.dtype());
  return (1 - one) / (as_rows(x) - as_columns(x) + one);
}

TensorList vjp_cholesky(G c) {
  const Tensor& l = c.out();
  const Tensor p = lower_part(mm_tn(l, lower_part(c.ct())), 0.5);
  const Tensor z = nacre::triangular_solve(l, p, {.transpose = true});
  return {symmetrized(mt(nacre::triangular_solve(l, mt(z), {.transpose = true})))};
}

// For the square or tall part: (dq + q copyltu(r dr^T - dq^T q)) r^-T.
Tensor qr_gradient(const Tensor& q, const Tensor& r, const Tensor& dq, const Tensor& dr) {
  const Tensor m = mm_nt(r, dr) - mm_tn(dq, q);
  const Tensor symmetric = lower_part(m) + mt(lower_part(m, 0));
  const Tensor y = dq + mm(q, symmetric);
  return mt(nacre::triangular_solve(r, mt(y), {.lower = false}));
}

TensorList vjp_qr(G c) {
  const Tensor& a = c.in(0);
  const std::int64_t m = a.size(-2);
  const std::int64_t n = a.size(-1);
  const Tensor& q = c.out(0);
  const Tensor& r = c.out(1);
  // The lower triangle of r is zero whatever a is.
  const Tensor dr = mt(lower_part(mt(c.ct(1))));
  if (m >= n) return {qr_gradient(q, r, c.ct(0), dr)};
  // a = [x y]: q and the left of r come from x, the right of r is q^T y.
  const auto pick = [&](std::int64_t from, std::int64_t count) {
    return constant_matrix(n, count, a.dtype(),
                           [=](auto i, auto j) { return i == from + j ? 1.0 : 0.0; });
  };
  const Tensor left = pick(0, m);
  const Tensor right = pick(m, n - m);
  const Tensor y = mm(a, right);
  const Tensor dv = mm(c.ct(1), right);
  const Tensor dx = qr_gradient(q, mm(r, left), c.ct(0) + mm_nt(y, dv), mm(dr, left));
  return {mm_nt(dx, left) + mm_nt(mm(q, dv), right)};
}

TensorList vjp_svd(G c) {
  const Tensor& u = c.out(0);
  const Tensor& s = c.out(1);
  const Tensor& vh = c.out(2);
  const std::int64_t k = s.size(-1);
  Tensor middle = as_rows(c.ct(1)) * eye(k, s.dtype());
  const auto gap_part = [&](const Tensor& x) {
    return inverse_gaps(nacre::square(s)) * (x - mt(x));
  };
  Tensor outside;
  const auto add_outside = [&](const Tensor& x) { outside = outside.defined() ? outside + x : x; };
  if (c.cotangents[0].defined()) {
    const Tensor& du = c.cotangents[0];
    const Tensor w = mm_tn(u, du);
    middle = middle + gap_part(w) * as_rows(s);
    if (u.size(-2) > k) add_outside(mm((du - mm(u, w)) / as_rows(s), vh));
  }
  if (c.cotangents[2].defined()) {
    const Tensor& dvh = c.cotangents[2];
    const Tensor w = mm_nt(vh, dvh);  // v^T dv
    middle = middle + as_columns(s) * gap_part(w);
    if (vh.size(-1) > k) {
      add_outside(mm(u, (dvh - mm(mt(w), vh)) / as_columns(s)));
    }
  }
  const Tensor inside = mm(mm(u, middle), vh);
  return {outside.defined() ? inside + outside : inside};
}

TensorList vjp_eigh(G c) {
  const Tensor& values = c.out(0);
  const Tensor& v = c.out(1);
  Tensor middle = as_rows(c.ct(0)) * eye(values.size(-1), values.dtype());
  if (c.cotangents[1].defined()) {
    middle = middle + inverse_gaps(values) * mm_tn(v, c.cotangents[1]);
  }
  return {symmetrized(mm_nt(mm(v, middle), v))};
}

// With p the pseudo-inverse and g its cotangent:
// -p^T g p^T + (1 - a p) g^T p p^T + p^T p g^T (1 - p a).
TensorList vjp_pinv(G c) {
  const Tensor& a = c.in(0);
  const Tensor& p = c.out();
  const Tensor g = c.ct();
  const Tensor gt = mt(g);
  const Tensor right = mm_nt(mm(gt, p), p);
  const Tensor left = mm(mm_tn(p, p), gt);
  return {(right - mm(a, mm(p, right))) + (left - mm(mm(left, p), a)) - mm_nt(mm_tn(p, g), p)};
}

SpecList infer_qr(const InferContext& c) {
  c.expect_inputs(1);
  expect_matrix(c, 0);
  const Shape& s = c.inputs[0].shape;
  const std::int64_t m = s.at_back(-2);
  const std::int64_t n = s.at_back(-1);
  return {{c.inputs[0].dtype, matrix_shape(batch_shape(s), m, std::min(m, n))},
          {c.inputs[0].dtype, matrix_shape(batch_shape(s), std::min(m, n), n)}};
}

// The scratch memory of LAPACK's gesdd.
void expect_svd(const InferContext& c) {
  const auto m = static_cast<double>(c.inputs[0].shape.at_back(-2));
  const auto n = static_cast<double>(c.inputs[0].shape.at_back(-1));
  const double least = std::min(m, n);
  expect_workspace(c, 5 * least * least + 64 * (m + n));
}

std::vector<Sample> samples_definite() {
  const auto sample = [](Shape a, DType d) {
    return Sample{.inputs = {{{d, a}, -2, 2, Fill::positive_definite}}, .tolerance_scale = 50};
  };
  return {sample({3, 3}, f32), sample({9, 9}, f32), sample({2, 4, 4}, f64), sample({1, 1}, f32)};
}

std::vector<Sample> samples_rectangular() {
  const auto sample = [](Shape a, DType d) {
    return Sample{.inputs = {{{d, a}}}, .tolerance_scale = 1000};
  };
  return {sample({4, 4}, f64),    sample({5, 3}, f32), sample({3, 5}, f32),
          sample({2, 6, 2}, f64), sample({1, 3}, f32), sample({4, 1}, f64)};
}

}  // namespace

const OpDef cholesky = {
    .name = "cholesky",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      expect_square(c, 0);
      return {c.inputs[0]};
    },
    .vjp = vjp_cholesky,
    .reference =
        [](const ReferenceContext& c) {
          const Dims d = dims_of(c.in_shape(0));
          factor_reference<1>(c,
                              [&](std::int64_t i, const matrix_algorithms::Matrix& a, auto& out) {
                                if (!matrix_algorithms::cholesky(a, out[0], d.n)) {
                                  fail_matrix("cholesky", i, "is not positive definite",
                                              "add a small multiple of eye(n)");
                                }
                              });
        },
    .cost = cost_cubic,
    .samples = samples_definite,
};

const OpDef qr = {
    .name = "qr",
    .infer = infer_qr,
    .vjp = vjp_qr,
    .reference =
        [](const ReferenceContext& c) {
          const Dims d = dims_of(c.in_shape(0));
          factor_reference<2>(c, [&](std::int64_t, const matrix_algorithms::Matrix& a, auto& out) {
            matrix_algorithms::qr(a, d.m, d.n, out[0], out[1]);
          });
        },
    .cost = cost_cubic,
    .samples = samples_rectangular,
};

const OpDef svd = {
    .name = "svd",
    .infer = [](const InferContext& c) -> SpecList {
      const SpecList q = infer_qr(c);
      expect_svd(c);
      Shape s = batch_shape(c.inputs[0].shape);
      s.push_back(q[0].shape.at_back(-1));
      return {q[0], {q[0].dtype, s}, q[1]};
    },
    .vjp = vjp_svd,
    .reference =
        [](const ReferenceContext& c) {
          const Dims d = dims_of(c.in_shape(0));
          factor_reference<3>(c, [&](std::int64_t, const matrix_algorithms::Matrix& a, auto& out) {
            matrix_algorithms::svd(a, d.m, d.n, out[0], out[1], out[2]);
          });
        },
    .cost = cost_cubic,
    .samples = samples_rectangular,
};

const OpDef eigh = {
    .name = "eigh",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      expect_square(c, 0);
      const auto n = static_cast<double>(c.inputs[0].shape.at_back(-1));
      expect_workspace(c, 2 * n * n + 6 * n + 1);
      Shape values = batch_shape(c.inputs[0].shape);
      values.push_back(c.inputs[0].shape.at_back(-1));
      return {{c.inputs[0].dtype, values}, c.inputs[0]};
    },
    .vjp = vjp_eigh,
    .reference =
        [](const ReferenceContext& c) {
          const Dims d = dims_of(c.in_shape(0));
          factor_reference<2>(c, [&](std::int64_t, const matrix_algorithms::Matrix& a, auto& out) {
            matrix_algorithms::eigh(a, d.n, out[0], out[1]);
          });
        },
    .cost = cost_cubic,
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list = samples_definite();
      for (Sample& s : list) s.tolerance_scale = 1000;
      list.push_back({.inputs = {{{f64, {4, 4}}}}, .tolerance_scale = 1000});
      return list;
    },
};

const OpDef pinv = {
    .name = "pinv",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      expect_matrix(c, 0);
      expect_svd(c);
      const Shape& s = c.inputs[0].shape;
      return {{c.inputs[0].dtype, matrix_shape(batch_shape(s), s.at_back(-1), s.at_back(-2))}};
    },
    .vjp = vjp_pinv,
    .reference =
        [](const ReferenceContext& c) {
          const Dims d = dims_of(c.in_shape(0));
          const double epsilon = c.in_specs[0].dtype == f32
                                     ? std::numeric_limits<float>::epsilon()
                                     : std::numeric_limits<double>::epsilon();
          const double given = c.attrs.number("rcond");
          const double rcond =
              given < 0 ? epsilon * static_cast<double>(std::max(d.m, d.n)) : given;
          factor_reference<1>(c, [&](std::int64_t, const matrix_algorithms::Matrix& a, auto& out) {
            matrix_algorithms::Matrix u;
            matrix_algorithms::Matrix vh;
            std::vector<double> s;
            matrix_algorithms::svd(a, d.m, d.n, u, s, vh);
            out[0].assign(d.n * d.m, 0);
            for (std::size_t j = 0; j < d.k && s[j] > rcond * s[0]; ++j) {
              for (std::size_t x = 0; x < d.n; ++x) {
                for (std::size_t y = 0; y < d.m; ++y) {
                  out[0][x * d.m + y] += vh[j * d.n + x] * u[y * d.k + j] / s[j];
                }
              }
            }
          });
        },
    .cost = cost_cubic,
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list = samples_rectangular();
      for (Sample& s : list) s.attrs = {{"rcond", -1.0}};
      return list;
    },
};

}  // namespace op_defs
}  // namespace nacre
