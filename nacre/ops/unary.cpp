// Elementwise ops of one input: each with its formula, gradient and domain.
#include <cmath>

#include "nacre/ops/elementwise.h"
#include "nacre/ops/op_defs.h"
#include "nacre/ops/structural.h"

namespace nacre {
namespace {

// Integers have no exp: functions that give fractions take them as f32.
Tensor floating(Op op, const Operand& x) {
  const Tensor t = x.tensor();
  return emit_one(op, {is_floating(t.dtype()) ? t : cast({t, x.at()}, f32)}, x.at());
}
Tensor same(Op op, const Operand& x) { return emit_one(op, {x.tensor()}, x.at()); }

}  // namespace

Tensor neg(const Operand& x) { return same(Op::neg, x); }
Tensor abs(const Operand& x) { return same(Op::abs, x); }
Tensor exp(const Operand& x) { return floating(Op::exp, x); }
Tensor log(const Operand& x) { return floating(Op::log, x); }
Tensor sqrt(const Operand& x) { return floating(Op::sqrt, x); }
Tensor rsqrt(const Operand& x) { return floating(Op::rsqrt, x); }
Tensor square(const Operand& x) { return same(Op::square, x); }
Tensor reciprocal(const Operand& x) { return floating(Op::reciprocal, x); }
Tensor sin(const Operand& x) { return floating(Op::sin, x); }
Tensor cos(const Operand& x) { return floating(Op::cos, x); }
Tensor tanh(const Operand& x) { return floating(Op::tanh, x); }
Tensor sigmoid(const Operand& x) { return floating(Op::sigmoid, x); }
Tensor relu(const Operand& x) { return same(Op::relu, x); }
Tensor sign(const Operand& x) { return same(Op::sign, x); }
Tensor identity(const Operand& x) { return same(Op::identity, x); }
Tensor stop_gradient(const Operand& x) { return same(Op::stop_gradient, x); }

Tensor cast(const Operand& x, DType dtype) {
  const Tensor t = x.tensor();
  return t.dtype() == dtype ? t : emit_one(Op::cast, {{"to", dtype}}, {t}, x.at());
}

Tensor Tensor::to(DType dtype, Location at) const { return cast({*this, at}, dtype); }

namespace op_defs {
namespace {

SpecList infer_same(const InferContext& c) {
  c.expect_inputs(1);
  return {c.inputs[0]};
}

SpecList infer_arithmetic(const InferContext& c) {
  c.expect_inputs(1);
  if (c.inputs[0].dtype == boolean) {
    c.fail_dtype("a number expected, bool given", "convert it with x.to(nacre::f32)");
  }
  return {c.inputs[0]};
}

SpecList infer_floating(const InferContext& c) {
  c.expect_inputs(1);
  c.expect_floating(0);
  return {c.inputs[0]};
}

// Odd sizes, a scalar and f64; values within the function's domain.
template <double low, double high>
std::vector<Sample> samples() {
  return {{.inputs = {{{f32, {3, 7}}, low, high}}},
          {.inputs = {{{f32, {1031}}, low, high}}},
          {.inputs = {{{f32, {}}, low, high}}},
          {.inputs = {{{f64, {2, 3, 5}}, low, high}}}};
}

using G = const VjpContext&;
using L = TensorList;

constexpr OpDef unary(std::string_view name, InferFn infer, ReferenceFn reference, VjpFn vjp,
                      SamplesFn samples, std::string_view onnx) {
  return {.name = name,
          .infer = infer,
          .gradient = vjp ? Gradient::vjp : Gradient::zero,
          .vjp = vjp,
          .reference = reference,
          .onnx = onnx,
          .samples = samples,
          .elementwise = true};
}

}  // namespace

const OpDef neg = unary(
    "neg", infer_arithmetic, map_reference<[](double x) { return -x; }>,
    [](G c) -> L { return {-c.ct()}; }, samples<-2.0, 2.0>, "Neg");

const OpDef abs = unary(
    "abs", infer_arithmetic, map_reference<[](double x) { return std::fabs(x); }>,
    [](G c) -> L { return {c.ct() * nacre::sign(c.in(0))}; }, samples<-2.0, 2.0>, "Abs");

const OpDef exp = unary(
    "exp", infer_floating, map_reference<[](double x) { return std::exp(x); }>,
    [](G c) -> L { return {c.ct() * c.out()}; }, samples<-3.0, 3.0>, "Exp");

const OpDef log = unary(
    "log", infer_floating, map_reference<[](double x) { return std::log(x); }>,
    [](G c) -> L { return {c.ct() / c.in(0)}; }, samples<0.1, 5.0>, "Log");

const OpDef sqrt = unary(
    "sqrt", infer_floating, map_reference<[](double x) { return std::sqrt(x); }>,
    [](G c) -> L { return {c.ct() * 0.5 / c.out()}; }, samples<0.1, 5.0>, "Sqrt");

const OpDef rsqrt = unary(
    "rsqrt", infer_floating, map_reference<[](double x) { return 1 / std::sqrt(x); }>,
    [](G c) -> L { return {c.ct() * -0.5 * c.out() / c.in(0)}; }, samples<0.1, 5.0>, "");

const OpDef square = unary(
    "square", infer_arithmetic, map_reference<[](double x) { return x * x; }>,
    [](G c) -> L { return {c.ct() * 2 * c.in(0)}; }, samples<-2.0, 2.0>, "");

const OpDef reciprocal = unary(
    "reciprocal", infer_floating, map_reference<[](double x) { return 1 / x; }>,
    [](G c) -> L { return {-c.ct() * nacre::square(c.out())}; }, samples<0.3, 3.0>, "Reciprocal");

const OpDef sin = unary(
    "sin", infer_floating, map_reference<[](double x) { return std::sin(x); }>,
    [](G c) -> L { return {c.ct() * nacre::cos(c.in(0))}; }, samples<-4.0, 4.0>, "Sin");

const OpDef cos = unary(
    "cos", infer_floating, map_reference<[](double x) { return std::cos(x); }>,
    [](G c) -> L { return {-c.ct() * nacre::sin(c.in(0))}; }, samples<-4.0, 4.0>, "Cos");

const OpDef tanh = unary(
    "tanh", infer_floating, map_reference<[](double x) { return std::tanh(x); }>,
    [](G c) -> L { return {c.ct() * (1 - nacre::square(c.out()))}; }, samples<-3.0, 3.0>, "Tanh");

const OpDef sigmoid = unary(
    "sigmoid", infer_floating, map_reference<[](double x) { return 1 / (1 + std::exp(-x)); }>,
    [](G c) -> L { return {c.ct() * c.out() * (1 - c.out())}; }, samples<-4.0, 4.0>, "Sigmoid");

const OpDef relu = unary(
    "relu", infer_arithmetic, map_reference<[](double x) { return 0 < x ? x : 0 * x; }>,
    [](G c) -> L { return {nacre::where(c.out() > 0, c.ct(), 0)}; }, samples<-2.0, 2.0>, "Relu");

const OpDef sign = unary("sign", infer_arithmetic,
                         map_reference<[](double x) { return 0 < x   ? 1.0
                                                             : x < 0 ? -1.0
                                                                     : x; }>,
                         nullptr, samples<-2.0, 2.0>, "Sign");

const OpDef cast = {
    .name = "cast",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      return {{c.attrs.dtype("to"), c.inputs[0].shape}};
    },
    .vjp = [](G c) -> L {
      if (!is_floating(c.in(0).dtype())) return {Tensor()};
      return {nacre::cast(c.ct(), c.in(0).dtype())};
    },
    .reference = [](const ReferenceContext& c) { c.store(0, c.load(0)); },
    .onnx = "Cast",
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {{{f32, {3, 7}}}}, .attrs = {{"to", f64}}},
              {.inputs = {{{f64, {33}}}}, .attrs = {{"to", f32}}},
              {.inputs = {{{f32, {65}}}}, .attrs = {{"to", bf16}}, .check_gradient = false},
              {.inputs = {{{f32, {9}}, -50, 50}}, .attrs = {{"to", i32}}, .check_gradient = false},
              {.inputs = {{{i64, {9}}, -50, 50, Fill::integers}}, .attrs = {{"to", f32}}},
              {.inputs = {{{boolean, {9}}, 0, 1, Fill::booleans}}, .attrs = {{"to", f32}}}};
    },
};

const OpDef identity = {
    .name = "identity",
    .infer = infer_same,
    .vjp = [](G c) -> L { return {c.ct()}; },
    .reference = [](const ReferenceContext& c) { c.store(0, c.load(0)); },
    .onnx = "Identity",
    .samples = samples<-2.0, 2.0>,
    .is_view = true,
};

const OpDef stop_gradient = {
    .name = "stop_gradient",
    .infer = infer_same,
    .gradient = Gradient::zero,
    .reference = [](const ReferenceContext& c) { c.store(0, c.load(0)); },
    .onnx = "Identity",
    .samples = samples<-2.0, 2.0>,
    .is_view = true,
};

}  // namespace op_defs
}  // namespace nacre
