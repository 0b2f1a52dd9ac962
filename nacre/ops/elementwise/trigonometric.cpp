// Trigonometric and hyperbolic functions, their inverses, and the geometry of two coordinates.
#include "nacre/ops/elementwise/rules.h"

namespace nacre {

Tensor sin(const Operand& x) { return emit_floating(Op::sin, x); }
Tensor cos(const Operand& x) { return emit_floating(Op::cos, x); }
Tensor tan(const Operand& x) { return emit_floating(Op::tan, x); }
Tensor asin(const Operand& x) { return emit_floating(Op::asin, x); }
Tensor acos(const Operand& x) { return emit_floating(Op::acos, x); }
Tensor atan(const Operand& x) { return emit_floating(Op::atan, x); }
Tensor sinh(const Operand& x) { return emit_floating(Op::sinh, x); }
Tensor cosh(const Operand& x) { return emit_floating(Op::cosh, x); }
Tensor tanh(const Operand& x) { return emit_floating(Op::tanh, x); }
Tensor asinh(const Operand& x) { return emit_floating(Op::asinh, x); }
Tensor acosh(const Operand& x) { return emit_floating(Op::acosh, x); }
Tensor atanh(const Operand& x) { return emit_floating(Op::atanh, x); }
Tensor atan2(const Operand& y, const Operand& x) { return emit_binary_floating(Op::atan2, y, x); }
Tensor hypot(const Operand& a, const Operand& b) { return emit_binary_floating(Op::hypot, a, b); }

namespace op_defs {
namespace {

// x with 1 in place of 0, to divide by.
Tensor without_zero(const Tensor& x) { return nacre::where(nacre::equal(x, 0), 1, x); }

}  // namespace

const OpDef sin = unary_op(
    "sin", infer_floating, map_reference<[](double x) { return std::sin(x); }>,
    [](G c) -> L { return {c.ct() * nacre::cos(c.in(0))}; }, samples<-4.0, 4.0>, "Sin");

const OpDef cos = unary_op(
    "cos", infer_floating, map_reference<[](double x) { return std::cos(x); }>,
    [](G c) -> L { return {-c.ct() * nacre::sin(c.in(0))}; }, samples<-4.0, 4.0>, "Cos");

const OpDef tan = unary_op(
    "tan", infer_floating, map_reference<[](double x) { return std::tan(x); }>,
    [](G c) -> L { return {c.ct() * (1 + nacre::square(c.out()))}; }, samples<-1.2, 1.2>, "Tan");

const OpDef asin = unary_op(
    "asin", infer_floating, map_reference<[](double x) { return std::asin(x); }>,
    [](G c) -> L { return {c.ct() * nacre::rsqrt(1 - nacre::square(c.in(0)))}; },
    samples<-0.9, 0.9>, "Asin");

const OpDef acos = unary_op(
    "acos", infer_floating, map_reference<[](double x) { return std::acos(x); }>,
    [](G c) -> L { return {-c.ct() * nacre::rsqrt(1 - nacre::square(c.in(0)))}; },
    samples<-0.9, 0.9>, "Acos");

const OpDef atan = unary_op(
    "atan", infer_floating, map_reference<[](double x) { return std::atan(x); }>,
    [](G c) -> L {
      const Tensor size = nacre::hypot(c.in(0), 1);  // its square may overflow
      return {c.ct() / size / size};
    },
    samples<-3.0, 3.0>, "Atan");

const OpDef sinh = unary_op(
    "sinh", infer_floating, map_reference<[](double x) { return std::sinh(x); }>,
    [](G c) -> L { return {c.ct() * nacre::cosh(c.in(0))}; }, samples<-3.0, 3.0>, "Sinh");

const OpDef cosh = unary_op(
    "cosh", infer_floating, map_reference<[](double x) { return std::cosh(x); }>,
    [](G c) -> L { return {c.ct() * nacre::sinh(c.in(0))}; }, samples<-3.0, 3.0>, "Cosh");

const OpDef tanh = unary_op(
    "tanh", infer_floating, map_reference<[](double x) { return std::tanh(x); }>,
    [](G c) -> L { return {c.ct() * (1 - nacre::square(c.out()))}; }, samples<-3.0, 3.0>, "Tanh");

const OpDef asinh = unary_op(
    "asinh", infer_floating, map_reference<[](double x) { return std::asinh(x); }>,
    [](G c) -> L { return {c.ct() / nacre::hypot(c.in(0), 1)}; }, samples<-3.0, 3.0>, "Asinh");

const OpDef acosh = unary_op(
    "acosh", infer_floating, map_reference<[](double x) { return std::acosh(x); }>,
    [](G c) -> L { return {c.ct() * nacre::rsqrt(c.in(0) - 1) * nacre::rsqrt(c.in(0) + 1)}; },
    samples<1.2, 5.0>, "Acosh");

const OpDef atanh = unary_op(
    "atanh", infer_floating, map_reference<[](double x) { return std::atanh(x); }>,
    [](G c) -> L { return {c.ct() / (1 - nacre::square(c.in(0)))}; }, samples<-0.9, 0.9>, "Atanh");

const OpDef atan2 = binary_op(
    "atan2", infer_floatings, zip_reference<[](double y, double x) { return std::atan2(y, x); }>,
    [](G c) -> L {
      // Divided by the distance twice: its square may overflow or vanish.
      const Tensor distance = without_zero(nacre::hypot(c.in(0), c.in(1)));
      const Tensor scaled = c.ct() / distance;
      return {c.wanted[0] ? to_input(c, 0, scaled * (c.in(1) / distance)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, -scaled * (c.in(0) / distance)) : Tensor()};
    },
    pair_samples<0.3, 3.0>, "");

const OpDef hypot = binary_op(
    "hypot", infer_floatings, zip_reference<[](double a, double b) { return std::hypot(a, b); }>,
    [](G c) -> L {
      const Tensor distance = without_zero(c.out());
      return {c.wanted[0] ? to_input(c, 0, c.ct() * (c.in(0) / distance)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, c.ct() * (c.in(1) / distance)) : Tensor()};
    },
    pair_samples<0.3, 3.0>, "");

}  // namespace op_defs
}  // namespace nacre
