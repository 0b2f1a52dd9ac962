// Special functions: erf and its kin, the gamma function's logarithm and derivatives.
#include "nacre/ops/elementwise/special.h"

#include <fmt/format.h>

#include <numbers>

#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/elementwise/special_math.h"

namespace nacre {

Tensor erf(const Operand& x) { return emit_floating(Op::erf, x); }
Tensor erfc(const Operand& x) { return emit_floating(Op::erfc, x); }
Tensor erfinv(const Operand& x) { return emit_floating(Op::erfinv, x); }
Tensor lgamma(const Operand& x) { return emit_floating(Op::lgamma, x); }
Tensor digamma(const Operand& x) { return emit_floating(Op::digamma, x); }
Tensor polygamma(int n, const Operand& x) {
  return emit_floating(Op::polygamma, x, {{"order", n}});
}

Tensor logit(const Operand& x) {
  const Operand t(as_dtype(x, is_floating(x.dtype()) ? x.dtype() : f32), x.at());
  return sub({log(t), x.at()}, log1p({neg(t), x.at()}));
}

namespace op_defs {
namespace {

constexpr double kTwoOverRootPi = 2 * std::numbers::inv_sqrtpi;

Tensor bell(const Tensor& x) { return nacre::exp(-nacre::square(x)); }

}  // namespace

const OpDef erf = unary_op(
    "erf", infer_floating, map_reference<[](double x) { return std::erf(x); }>,
    [](G c) -> L { return {c.ct() * kTwoOverRootPi * bell(c.in(0))}; }, samples<-3.0, 3.0>, "Erf");

const OpDef erfc = unary_op(
    "erfc", infer_floating, map_reference<[](double x) { return std::erfc(x); }>,
    [](G c) -> L { return {c.ct() * -kTwoOverRootPi * bell(c.in(0))}; }, samples<-3.0, 3.0>, "");

const OpDef erfinv = unary_op(
    "erfinv", infer_floating, map_reference<inverse_erf>,
    [](G c) -> L { return {c.ct() * (1 / kTwoOverRootPi) * nacre::exp(nacre::square(c.out()))}; },
    samples<-0.9, 0.9>, "");

const OpDef lgamma = unary_op(
    "lgamma", infer_floating, map_reference<log_gamma>,
    [](G c) -> L { return {c.ct() * nacre::digamma(c.in(0))}; }, samples<0.2, 6.0>, "");

const OpDef digamma = unary_op(
    "digamma", infer_floating, map_reference<digamma_value>,
    [](G c) -> L { return {c.ct() * nacre::polygamma(1, c.in(0))}; }, samples<0.3, 6.0>, "");

// {order}
const OpDef polygamma = {
    .name = "polygamma",
    .infer = [](const InferContext& c) -> SpecList {
      const std::int64_t order = c.attrs.integer("order");
      if (order < 1 || order > 20) {
        c.fail_value(fmt::format("order {} is outside 1..20", order),
                     order == 0 ? "order 0 is digamma(x)" : "");
      }
      return infer_floating(c);
    },
    .vjp = [](G c) -> L {
      return {c.ct() * nacre::polygamma(static_cast<int>(c.attrs.integer("order")) + 1, c.in(0))};
    },
    .reference =
        [](const ReferenceContext& c) {
          const int order = static_cast<int>(c.attrs.integer("order"));
          std::vector<double> x = c.load(0);
          for (double& v : x) v = polygamma_value(order, v);
          c.store(0, x);
        },
    .samples = []() -> std::vector<Sample> {
      return {
          {.inputs = {{{f32, {3, 7}}, 0.5, 6}}, .attrs = {{"order", 1}}},
          {.inputs = {{{f64, {65}}, -0.9, -0.1}}, .attrs = {{"order", 1}}, .tolerance_scale = 50},
          {.inputs = {{{f64, {33}}, 0.5, 6}}, .attrs = {{"order", 2}}},
          {.inputs = {{{f32, {9}}, 1, 6}}, .attrs = {{"order", 3}}}};
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
