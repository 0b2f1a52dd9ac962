// matmul {transpose_a, transpose_b}: batched product of at least rank-2 operands.
#include "nacre/ops/product/matmul.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Tensor product(const Tensor& a, const Tensor& b, bool ta, bool tb, const Location& at) {
  return emit_one(Op::matmul, {{"transpose_a", ta}, {"transpose_b", tb}}, {a, b}, at);
}

}  // namespace

Tensor matmul(const Operand& a, const Operand& b, const MatmulOptions& options) {
  const DType dtype = promote(a.dtype(), b.dtype());
  Tensor x = cast(a, dtype);
  Tensor y = cast(b, dtype);
  const bool row = x.rank() == 1;
  const bool column = y.rank() == 1;
  if (row) x = expand_dims({x, a.at()}, {0});
  if (column) y = expand_dims({y, b.at()}, {1});
  Tensor out = product(x, y, options.transpose_a && !row, options.transpose_b && !column, a.at());
  if (row) out = squeeze({out, a.at()}, {-2});
  if (column) out = squeeze({out, a.at()}, {-1});
  return out;
}

namespace op_defs {
namespace {

struct Dims {
  std::int64_t m, k, k_right, n;
};

Dims dims_of(const Attrs& attrs, const Shape& a, const Shape& b) {
  const bool ta = attrs.flag("transpose_a");
  const bool tb = attrs.flag("transpose_b");
  return {a.at_back(ta ? -1 : -2), a.at_back(ta ? -2 : -1), b.at_back(tb ? -1 : -2),
          b.at_back(tb ? -2 : -1)};
}

Shape batch_of(const Shape& s) {
  return Shape(std::span(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
}

SpecList infer_matmul(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  if (c.inputs[0].dtype == boolean) c.fail_dtype("numbers expected, bool given");
  const Shape& a = c.inputs[0].shape;
  const Shape& b = c.inputs[1].shape;
  if (a.rank() < 2 || b.rank() < 2) {
    c.fail_shape("both operands need a matrix", "a scalar multiplies with operator*");
  }
  const Dims d = dims_of(c.attrs, a, b);
  if (d.k != d.k_right) {
    c.fail_shape(fmt::format("inner dimensions differ ({} vs {})", d.k, d.k_right),
                 "the last axis of the left operand must equal the last but one of the right");
  }
  Shape out;
  if (!broadcast_shapes(batch_of(a), batch_of(b), out)) {
    c.fail_shape(fmt::format("batch dimensions {} and {} do not broadcast", to_string(batch_of(a)),
                             to_string(batch_of(b))));
  }
  out.push_back(d.m);
  out.push_back(d.n);
  return {{c.inputs[0].dtype, out}};
}

// Floats in double, integers exactly, modulo 2^64.
template <class C>
void multiply_as(const ReferenceContext& c) {
  const std::vector<C> a = load_as<C>(c, 0);
  const std::vector<C> b = load_as<C>(c, 1);
  const bool ta = c.attrs.flag("transpose_a");
  const bool tb = c.attrs.flag("transpose_b");
  const Dims d = dims_of(c.attrs, c.in_shape(0), c.in_shape(1));
  const Shape batch = batch_of(c.out_shape());
  std::vector<C> out(static_cast<std::size_t>(c.out_shape().elements()));
  BroadcastWalk wa(batch_of(c.in_shape(0)), batch);
  BroadcastWalk wb(batch_of(c.in_shape(1)), batch);
  for (std::int64_t i = 0; i < batch.elements(); ++i, wa.next(), wb.next()) {
    const C* pa = a.data() + wa.offset() * d.m * d.k;
    const C* pb = b.data() + wb.offset() * d.k * d.n;
    C* po = out.data() + i * d.m * d.n;
    for (std::int64_t m = 0; m < d.m; ++m) {
      for (std::int64_t n = 0; n < d.n; ++n) {
        C total = 0;
        for (std::int64_t k = 0; k < d.k; ++k) {
          const C x = pa[ta ? k * d.m + m : m * d.k + k];
          const C y = pb[tb ? n * d.k + k : k * d.n + n];
          if constexpr (std::is_integral_v<C>) {
            total = wrapping_add(total, wrapping_mul(x, y));
          } else {
            total += x * y;
          }
        }
        po[m * d.n + n] = total;
      }
    }
  }
  store_any(c, out);
}

void reference_matmul(const ReferenceContext& c) {
  is_floating(c.in_specs[0].dtype) ? multiply_as<double>(c) : multiply_as<std::int64_t>(c);
}

// With A' and B' the (possibly transposed) operands: dA' = C B'^T, dB' = A'^T C.
TensorList vjp_matmul(const VjpContext& c) {
  const bool ta = c.attrs.flag("transpose_a");
  const bool tb = c.attrs.flag("transpose_b");
  const Tensor& a = c.in(0);
  const Tensor& b = c.in(1);
  const Tensor ct = c.ct();
  const auto mm = [](const Tensor& x, const Tensor& y, bool tx, bool ty) {
    return product(x, y, tx, ty, {});
  };
  Tensor da;
  Tensor db;
  // Weights that all batches share: the rows of all are those of one product, instead of one for
  // each batch and a sum.
  if (c.wanted[1] && b.rank() == 2 && a.rank() > 2 && !ta) {
    const auto rows = [](const Tensor& t) {
      return nacre::reshape(
          t, Shape{t.elements() / std::max<std::int64_t>(1, t.size(-1)), t.size(-1)});
    };
    db = tb ? mm(rows(ct), rows(a), true, false) : mm(rows(a), rows(ct), true, false);
  } else if (c.wanted[1]) {
    db = sum_to(tb ? mm(ct, a, true, ta) : mm(a, ct, !ta, false), b.shape());
  }
  if (c.wanted[0]) da = sum_to(ta ? mm(b, ct, tb, true) : mm(ct, b, false, !tb), a.shape());
  return {da, db};
}

Cost cost_matmul(const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
  const Dims d = dims_of(attrs, in[0].shape, in[1].shape);
  return {2.0 * static_cast<double>(out[0].elements()) * static_cast<double>(d.k),
          static_cast<double>(in[0].bytes() + in[1].bytes() + out[0].bytes())};
}

std::vector<Sample> samples_matmul() {
  std::vector<Sample> list;
  const auto add = [&](Shape a, Shape b, bool ta, bool tb, DType d = f32) {
    list.push_back(
        {.inputs = {{{d, a}}, {{d, b}}}, .attrs = {{"transpose_a", ta}, {"transpose_b", tb}}});
  };
  add({3, 5}, {5, 7}, false, false);
  add({5, 3}, {5, 7}, true, false);
  add({3, 5}, {7, 5}, false, true);
  add({5, 3}, {7, 5}, true, true);
  add({33, 65}, {65, 17}, false, false);
  add({1, 129}, {129, 1}, false, false);
  add({2, 3, 5}, {2, 5, 4}, false, false);
  add({2, 1, 3, 5}, {4, 5, 2}, false, false);
  add({4, 5, 3}, {5, 2}, true, false);
  add({3, 5}, {2, 7, 5}, false, true, f64);
  return list;
}

}  // namespace

const OpDef matmul = {
    .name = "matmul",
    .infer = infer_matmul,
    .vjp = vjp_matmul,
    .reference = reference_matmul,
    .cost = cost_matmul,
    .onnx = "MatMul",
    .samples = samples_matmul,
};

}  // namespace op_defs
}  // namespace nacre
