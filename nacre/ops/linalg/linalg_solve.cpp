// solve {transpose}, triangular_solve {lower, transpose, unit_diagonal}, inverse {called}, and the
// functions made of them. {called} is the name that errors of an inverse bear. Gradients: Giles,
// "Collected matrix derivative results for forward and reverse mode algorithmic differentiation",
// 2008.
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/linalg/linalg_support.h"
#include "nacre/ops/linalg/matrix_algorithms.h"

namespace nacre {
namespace {

// a and b with equal batches; b as a matrix. `vector`: b was one.
struct System {
  Tensor a;
  Tensor b;
  bool vector;
};

System make_system(const Operand& a, const Operand& b) {
  const DType dtype = promote(a.dtype(), b.dtype());
  System s{cast(a, dtype), cast(b, dtype), false};
  s.vector = s.b.rank() == 1;
  if (s.vector) s.b = expand_dims({s.b, b.at()}, {1});
  Shape batch;
  if (s.a.rank() < 2 || s.b.rank() < 2 ||
      !broadcast_shapes(op_defs::batch_shape(s.a.shape()), op_defs::batch_shape(s.b.shape()),
                        batch)) {
    return s;  // the op's own check says what is wrong
  }
  const auto widen = [&](const Tensor& t, const Location& at) {
    return broadcast_to({t, at}, op_defs::matrix_shape(batch, t.size(-2), t.size(-1)));
  };
  s.a = widen(s.a, a.at());
  s.b = widen(s.b, b.at());
  return s;
}

Tensor finish(const System& s, const Tensor& x, const Location& at) {
  return s.vector ? squeeze({x, at}, {-1}) : x;
}

}  // namespace

Tensor solve(const Operand& a, const Operand& b) {
  const System s = make_system(a, b);
  return finish(s, emit_one(Op::solve, {{"transpose", false}}, {s.a, s.b}, a.at()), a.at());
}

Tensor triangular_solve(const Operand& a, const Operand& b, const TriangularSolveOptions& options) {
  const System s = make_system(a, b);
  return finish(s,
                emit_one(Op::triangular_solve,
                         {{"lower", options.lower},
                          {"transpose", options.transpose},
                          {"unit_diagonal", options.unit_diagonal}},
                         {s.a, s.b}, a.at()),
                a.at());
}

Tensor cholesky_solve(const Operand& l, const Operand& b) {
  const Tensor y = triangular_solve(l, b);
  return triangular_solve(l, {y, b.at()}, {.transpose = true});
}

Tensor inverse(const Operand& a) { return emit_one(Op::inverse, {a.tensor()}, a.at()); }
Tensor lstsq(const Operand& a, const Operand& b) {
  const System s = make_system(a, b);
  if (s.a.rank() < 2 || s.a.size(-2) >= s.a.size(-1)) {
    const Qr f = qr({s.a, a.at()});
    const Tensor projected = matmul({f.q, a.at()}, {s.b, b.at()}, {.transpose_a = true});
    return finish(s, triangular_solve({f.r, a.at()}, projected, {.lower = false}), a.at());
  }
  const Qr f = qr({op_defs::mt(s.a), a.at()});
  const Tensor y =
      triangular_solve({f.r, a.at()}, {s.b, b.at()}, {.lower = false, .transpose = true});
  return finish(s, matmul({f.q, a.at()}, y), a.at());
}

Tensor matrix_power(const Operand& a, std::int64_t n) {
  Tensor base = n < 0 ? inverse(a) : a.tensor();
  if (base.rank() < 2 || base.size(-1) != base.size(-2)) {
    throw ShapeError(format_error({.op = "matrix_power",
                                   .what = "a square matrix expected",
                                   .inputs = "input " + to_string(base.spec()),
                                   .location = a.at()}));
  }
  Tensor result;
  for (std::uint64_t left = n < 0 ? -static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
       left > 0; left >>= 1) {
    if (left & 1) result = result.defined() ? matmul({result, a.at()}, base) : base;
    if (left > 1) base = matmul({base, a.at()}, base);
  }
  if (result.defined()) return result;
  return broadcast_to({eye(base.size(-1), base.dtype()), a.at()}, base.shape());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

SpecList infer_system(const InferContext& c) {
  c.expect_inputs(2);
  expect_square(c, 0);
  c.expect_same_dtype();
  expect_matrix(c, 1);
  const Shape& a = c.inputs[0].shape;
  const Shape& b = c.inputs[1].shape;
  if (!(batch_shape(a) == batch_shape(b))) c.fail_shape("the batch dimensions differ");
  if (a.at_back(-1) != b.at_back(-2)) {
    c.fail_shape(
        fmt::format("the matrix has {} rows, the right side {}", a.at_back(-2), b.at_back(-2)));
  }
  return {c.inputs[1]};
}

// x = prepare(a)^-1 b for each pair of the batch.
template <class Prepare>
void solve_reference(const ReferenceContext& c, std::string_view op, Prepare&& prepare) {
  const auto n = static_cast<std::size_t>(c.in_shape(0).at_back(-1));
  const auto k = static_cast<std::size_t>(c.in_shape(1).at_back(-1));
  const std::vector<double> a = c.load(0);
  const std::vector<double> b = c.load(1);
  std::vector<double> out;
  for_each_matrix(c.in_shape(0), [&](std::int64_t i) {
    matrix_algorithms::Matrix x = matrix_of(b, i, n * k);
    double sign = 0;
    double log = 0;
    if (!matrix_algorithms::eliminate(prepare(matrix_of(a, i, n * n), n), x, n, k, sign, log)) {
      fail_matrix(op, i, "is singular", "use lstsq or pinv, or add a small multiple of eye(n)");
    }
    out.insert(out.end(), x.begin(), x.end());
  });
  c.store(0, out);
}

std::vector<Sample> samples_solve() {
  const auto sample = [](Shape a, Shape b, bool transpose, DType d) {
    return Sample{.inputs = {{{d, a}, -2, 2, Fill::positive_definite}, {{d, b}}},
                  .attrs = {{"transpose", transpose}},
                  .tolerance_scale = 20};
  };
  return {sample({3, 3}, {3, 2}, false, f32), sample({17, 17}, {17, 1}, false, f32),
          sample({2, 5, 5}, {2, 5, 3}, true, f64), sample({1, 1}, {1, 4}, true, f32)};
}

std::vector<Sample> samples_triangular() {
  std::vector<Sample> list;
  for (int bits = 0; bits < 8; ++bits) {
    const Shape batch = bits % 3 == 0 ? Shape{2} : Shape{};
    const std::int64_t n = bits == 7 ? 9 : 4;
    list.push_back(
        {.inputs =
             {{{bits % 2 ? f64 : f32, matrix_shape(batch, n, n)}, -2, 2, Fill::positive_definite},
              {{bits % 2 ? f64 : f32, matrix_shape(batch, n, 3)}}},
         .attrs = {{"lower", (bits & 1) != 0},
                   {"transpose", (bits & 2) != 0},
                   {"unit_diagonal", (bits & 4) != 0}},
         .tolerance_scale = bits & 4 ? 500.0 : 20.0});
  }
  return list;
}

}  // namespace

const OpDef solve = {
    .name = "solve",
    .infer = infer_system,
    .vjp = [](G c) -> L {
      const bool transpose = c.attrs.flag("transpose");
      const Tensor db =
          emit_one(Op::solve, {{"transpose", !transpose}}, {c.in(0), c.ct()}, Location());
      return {c.wanted[0] ? -(transpose ? mm_nt(c.out(), db) : mm_nt(db, c.out())) : Tensor(), db};
    },
    .reference =
        [](const ReferenceContext& c) {
          solve_reference(c, "solve", [&](matrix_algorithms::Matrix a, std::size_t n) {
            return c.attrs.flag("transpose") ? matrix_algorithms::transposed(a, n, n) : a;
          });
        },
    .cost = cost_cubic,
    .samples = samples_solve,
};

const OpDef triangular_solve = {
    .name = "triangular_solve",
    .infer = infer_system,
    .vjp = [](G c) -> L {
      const TriangularSolveOptions o{c.attrs.flag("lower"), c.attrs.flag("transpose"),
                                     c.attrs.flag("unit_diagonal")};
      const Tensor db =
          nacre::triangular_solve(c.in(0), c.ct(), {o.lower, !o.transpose, o.unit_diagonal});
      if (!c.wanted[0]) return {Tensor(), db};
      const Tensor full = -(o.transpose ? mm_nt(c.out(), db) : mm_nt(db, c.out()));
      const double diagonal = o.unit_diagonal ? 0 : 1;
      return {o.lower ? lower_part(full, diagonal) : mt(lower_part(mt(full), diagonal)), db};
    },
    .reference =
        [](const ReferenceContext& c) {
          const bool lower = c.attrs.flag("lower");
          const bool unit = c.attrs.flag("unit_diagonal");
          solve_reference(c, "triangular_solve", [&](matrix_algorithms::Matrix a, std::size_t n) {
            for (std::size_t i = 0; i < n; ++i) {
              for (std::size_t j = 0; j < n; ++j) {
                if (i == j && unit) a[i * n + j] = 1;
                if (lower ? i < j : i > j) a[i * n + j] = 0;
              }
            }
            return c.attrs.flag("transpose") ? matrix_algorithms::transposed(a, n, n) : a;
          });
        },
    .cost = cost_cubic,
    .samples = samples_triangular,
};

const OpDef inverse = {
    .name = "inverse",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      expect_square(c, 0);
      return {c.inputs[0]};
    },
    .vjp = [](G c) -> L { return {-mm_tn(c.out(), mm_nt(c.ct(), c.out()))}; },
    .reference =
        [](const ReferenceContext& c) {
          const auto n = static_cast<std::size_t>(c.in_shape(0).at_back(-1));
          const std::vector<double> a = c.load(0);
          std::vector<double> out;
          for_each_matrix(c.in_shape(0), [&](std::int64_t i) {
            matrix_algorithms::Matrix x(n * n);
            for (std::size_t d = 0; d < n; ++d) x[d * n + d] = 1;
            double sign = 0;
            double log = 0;
            if (!matrix_algorithms::eliminate(matrix_of(a, i, n * n), x, n, n, sign, log)) {
              fail_matrix(inverse_name(c.attrs), i, "is singular", "use pinv");
            }
            out.insert(out.end(), x.begin(), x.end());
          });
          c.store(0, out);
        },
    .cost = cost_cubic,
    .samples = samples_of_squares,
};

}  // namespace op_defs
}  // namespace nacre
