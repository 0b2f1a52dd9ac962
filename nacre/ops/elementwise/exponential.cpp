// Exponentials and logarithms.
#include <algorithm>
#include <numbers>

#include "nacre/ops/elementwise/rules.h"

namespace nacre {

Tensor exp(const Operand& x) { return emit_floating(Op::exp, x); }
Tensor exp2(const Operand& x) { return emit_floating(Op::exp2, x); }
Tensor expm1(const Operand& x) { return emit_floating(Op::expm1, x); }
Tensor log(const Operand& x) { return emit_floating(Op::log, x); }
Tensor log2(const Operand& x) { return emit_floating(Op::log2, x); }
Tensor log10(const Operand& x) { return emit_floating(Op::log10, x); }
Tensor log1p(const Operand& x) { return emit_floating(Op::log1p, x); }
Tensor logaddexp(const Operand& a, const Operand& b) {
  return emit_binary_floating(Op::logaddexp, a, b);
}
Tensor xlogy(const Operand& a, const Operand& b) { return emit_binary_floating(Op::xlogy, a, b); }

namespace op_defs {

using std::numbers::ln10;
using std::numbers::ln2;

const OpDef exp = unary_op(
    "exp", infer_floating, map_reference<[](double x) { return std::exp(x); }>,
    [](G c) -> L { return {c.ct() * c.out()}; }, samples<-3.0, 3.0>, "Exp");

const OpDef exp2 = unary_op(
    "exp2", infer_floating, map_reference<[](double x) { return std::exp2(x); }>,
    [](G c) -> L { return {c.ct() * ln2 * c.out()}; }, samples<-3.0, 3.0>, "");

const OpDef expm1 = unary_op(
    "expm1", infer_floating, map_reference<[](double x) { return std::expm1(x); }>,
    [](G c) -> L { return {c.ct() * (c.out() + 1)}; }, samples<-3.0, 3.0>, "");

const OpDef log = unary_op(
    "log", infer_floating, map_reference<[](double x) { return std::log(x); }>,
    [](G c) -> L { return {c.ct() / c.in(0)}; }, samples<0.1, 5.0>, "Log");

const OpDef log2 = unary_op(
    "log2", infer_floating, map_reference<[](double x) { return std::log2(x); }>,
    [](G c) -> L { return {c.ct() * (1 / ln2) / c.in(0)}; }, samples<0.1, 5.0>, "");

const OpDef log10 = unary_op(
    "log10", infer_floating, map_reference<[](double x) { return std::log10(x); }>,
    [](G c) -> L { return {c.ct() * (1 / ln10) / c.in(0)}; }, samples<0.1, 5.0>, "");

const OpDef log1p = unary_op(
    "log1p", infer_floating, map_reference<[](double x) { return std::log1p(x); }>,
    [](G c) -> L { return {c.ct() / (c.in(0) + 1)}; }, samples<-0.8, 4.0>, "");

const OpDef logaddexp = binary_op(
    "logaddexp", infer_floatings, zip_reference<[](double a, double b) {
      if (a == b) return a + ln2;  // infinities too
      if (std::isnan(a) || std::isnan(b)) return a + b;
      return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b)));
    }>,
    [](G c) -> L {
      // Shares sigmoid(a - b) and sigmoid(b - a); two equal infinities share evenly.
      const Tensor tie = nacre::is_inf(c.in(0)) & nacre::equal(c.in(0), c.in(1));
      const Tensor apart = nacre::where(tie, 0, c.in(0) - c.in(1));
      return {c.wanted[0] ? to_input(c, 0, c.ct() * nacre::sigmoid(apart)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, c.ct() * nacre::sigmoid(-apart)) : Tensor()};
    },
    pair_samples<-3.0, 3.0>, "");

const OpDef xlogy = binary_op(
    "xlogy", infer_floatings, zip_reference<[](double a, double b) {
      return a == 0 && !std::isnan(b) ? 0.0 : a * std::log(b);
    }>,
    [](G c) -> L {
      const Tensor& a = c.in(0);
      const Tensor& b = c.in(1);
      Tensor da;
      if (c.wanted[0]) {
        const Tensor unused = nacre::equal(a, 0) & (b <= 0);
        da = to_input(c, 0,
                      nacre::where(unused, 0, c.ct() * nacre::log(nacre::where(unused, 1, b))));
      }
      // The slope of 0 * log(b) is 0 for all b, also where that tends to 0.
      const Tensor flat = nacre::equal(a, 0) & nacre::equal(b, 0);
      return {da, c.wanted[1] ? to_input(c, 1, c.ct() * a / nacre::where(flat, 1, b)) : Tensor()};
    },
    pair_samples<0.3, 3.0>, "");

}  // namespace op_defs
}  // namespace nacre
