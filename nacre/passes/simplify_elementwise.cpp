// Identities of arithmetic, exact but for the sign of a zero; and operands that need not be as
// large as the result.
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/passes/rewrite.h"

namespace nacre {
namespace {

// Whether every value of `from` is a value of `to`, so that a cast through `to` loses nothing.
bool holds(DType to, DType from) {
  if (to == from || from == boolean) return true;
  switch (to) {
    case f64:
      return from != i64;
    case f32:
      return from == bf16 || from == f16 || from == i8 || from == u8;
    case i64:
      return from == i32 || from == i8 || from == u8;
    case i32:
      return from == i8 || from == u8;
    default:
      return false;
  }
}

Replacement simplify_cast(Rewrite& r) {
  const ValueId x = r.in(0);
  const DType to = r.out().dtype;
  if (r.spec(x).dtype == to) return x;
  if (const auto u = r.uniform(x); u && r.out().elements() > 0 && is_floating(to)) {
    const double rounded = Tensor::scalar(*u, to).item<double>();
    return r.uniform_of(r.out(), rounded);
  }
  if (r.made_by(x, Op::cast)) {
    const ValueId inner = r.input_of(x);
    const DType from = r.spec(inner).dtype;
    if (!holds(r.spec(x).dtype, from)) return {};
    return from == to ? inner : r.add(Op::cast, {{"to", to}}, {inner});
  }
  return {};
}

Replacement simplify_unary(Rewrite& r) {
  const ValueId x = r.in(0);
  switch (r.op()) {
    case Op::cast:
      return simplify_cast(r);
    case Op::neg:
      if (r.made_by(x, Op::neg)) return r.input_of(x);
      return {};
    case Op::abs:
      if (r.made_by(x, Op::abs)) return x;
      if (r.made_by(x, Op::neg)) return r.add(Op::abs, {r.input_of(x)});
      return {};
    case Op::square:
      if (r.made_by(x, Op::neg) || r.made_by(x, Op::abs)) {
        return r.add(Op::square, {r.input_of(x)});
      }
      return {};
    case Op::relu:
      if (r.made_by(x, Op::relu)) return x;
      return {};
    default:
      return {};
  }
}

Replacement simplify_mul(Rewrite& r, ValueId a, ValueId b) {
  if (r.is(b, 1)) return r.broadcast(a, r.out().shape);
  if (r.out().dtype != boolean && r.out().dtype != u8 && r.is(b, -1)) {
    return r.broadcast(r.add(Op::neg, {a}), r.out().shape);
  }
  if (is_integral(r.out().dtype) && r.is(b, 0)) return r.uniform_of(r.out(), 0);
  return {};
}

Replacement simplify_div(Rewrite& r) {
  const auto uniform = r.uniform(r.in(1));
  if (!uniform) return {};
  const double divisor = uniform->real();
  if (divisor == 1) return r.broadcast(r.in(0), r.out().shape);
  // The reciprocal of a power of two is exact, and a product is faster.
  int exponent = 0;
  if (std::fabs(std::frexp(divisor, &exponent)) != 0.5 || std::abs(exponent) > 12) return {};
  const ValueId factor = r.uniform_of(r.spec(r.in(1)), 1 / divisor);
  return r.add(Op::mul, {r.in(0), factor});
}

Replacement simplify_pow(Rewrite& r) {
  const auto uniform = r.uniform(r.in(1));
  if (!uniform) return {};
  const double power = uniform->real();
  const ValueId x = r.in(0);
  if (power == 0) return r.uniform_of(r.out(), 1);
  if (power == 1) return r.broadcast(x, r.out().shape);
  if (power == 2) return r.broadcast(r.add(Op::square, {x}), r.out().shape);
  if (power == -1 && is_floating(r.out().dtype)) {
    return r.broadcast(r.add(Op::reciprocal, {x}), r.out().shape);
  }
  return {};
}

Replacement simplify_binary(Rewrite& r) {
  const ValueId a = r.in(0);
  const ValueId b = r.in(1);
  switch (r.op()) {
    case Op::add:
      if (r.is(b, 0)) return r.broadcast(a, r.out().shape);
      if (r.is(a, 0)) return r.broadcast(b, r.out().shape);
      if (r.made_by(b, Op::neg)) return r.add(Op::sub, {a, r.input_of(b)});
      if (r.made_by(a, Op::neg)) return r.add(Op::sub, {b, r.input_of(a)});
      return {};
    case Op::sub:
      if (r.is(b, 0)) return r.broadcast(a, r.out().shape);
      if (r.is(a, 0)) return r.broadcast(r.add(Op::neg, {b}), r.out().shape);
      if (r.made_by(b, Op::neg)) return r.add(Op::add, {a, r.input_of(b)});
      return {};
    case Op::mul:
      if (a == b && r.out().dtype != boolean) return r.add(Op::square, {a});
      if (const Replacement found = simplify_mul(r, a, b)) return found;
      return simplify_mul(r, b, a);
    case Op::div:
      return simplify_div(r);
    case Op::pow:
      return simplify_pow(r);
    case Op::maximum:
    case Op::minimum:
      if (a == b) return a;
      return {};
    default:
      return {};
  }
}

}  // namespace

Replacement simplify_elementwise(Rewrite& r) {
  if (r.out().elements() == 0) return {};
  if (r.count() == 1) return simplify_unary(r);
  if (r.count() == 2) return simplify_binary(r);
  if (r.op() != Op::where) return {};
  if (const auto condition = r.uniform(r.in(0))) {
    return r.broadcast(r.in(condition->real() != 0 ? 1 : 2), r.out().shape);
  }
  if (r.in(1) == r.in(2)) return r.broadcast(r.in(1), r.out().shape);
  return {};
}

Replacement shrink_operands(Rewrite& r) {
  if (r.count() == 0 || r.out().elements() < 2) return {};
  if (!op_def(r.op()).elementwise && r.op() != Op::cast) return {};
  InlineVector<ValueId, 4> small;
  Shape shape;
  bool found = false;
  for (const ValueId v : r.inputs()) {
    ValueId s = v;
    if (r.spec(v).elements() > 1 || r.spec(v).shape.rank() > 0) {
      if (const auto u = r.uniform(v)) {
        s = r.uniform_of({r.spec(v).dtype, {}}, *u);
      } else if (r.made_by(v, Op::broadcast_to)) {
        s = r.input_of(v);
      }
    }
    found = found || s != v;
    small.push_back(s);
    const Shape so_far = shape;
    if (!broadcast_shapes(so_far, r.spec(s).shape, shape)) return {};
  }
  if (!found) return {};
  // The op at the smaller shape; one broadcast after it when all operands had one.
  SpecList specs;
  for (const ValueId v : small) specs.push_back(r.spec(v));
  try {
    const SpecList outs = infer_specs(r.op(), r.attrs(), specs, r.node().location);
    if (outs.size() != 1 || !(outs[0].shape == shape)) return {};
  } catch (const Error&) {
    return {};  // an op that wants equal shapes
  }
  return r.broadcast(r.add(r.op(), r.attrs(), small), r.out().shape);
}

}  // namespace nacre
