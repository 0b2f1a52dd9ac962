// Arithmetic of one input, clamp {low, high}, and functions made of arithmetic.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/elementwise_defs.h"

namespace nacre {

Tensor neg(const Operand& x) { return emit_same(Op::neg, x); }
Tensor abs(const Operand& x) { return emit_same(Op::abs, x); }
Tensor sign(const Operand& x) { return emit_same(Op::sign, x); }
Tensor square(const Operand& x) { return emit_same(Op::square, x); }
Tensor sqrt(const Operand& x) { return emit_floating(Op::sqrt, x); }
Tensor rsqrt(const Operand& x) { return emit_floating(Op::rsqrt, x); }
Tensor cbrt(const Operand& x) { return emit_floating(Op::cbrt, x); }
Tensor reciprocal(const Operand& x) { return emit_floating(Op::reciprocal, x); }

Tensor clamp(const Operand& x, const Operand& low, const Operand& high) {
  if (!low.is_number() || !high.is_number()) {
    return minimum({maximum(x, low), x.at()}, high);
  }
  const DType dtype = common_dtype(Operand(as_dtype(x, common_dtype(x, low)), x.at()), high);
  return emit_one(Op::clamp, {{"low", low.number()}, {"high", high.number()}}, {as_dtype(x, dtype)},
                  x.at());
}

Tensor squared_difference(const Operand& a, const Operand& b) {
  return square({sub(a, b), a.at()});
}

Tensor lerp(const Operand& a, const Operand& b, const Operand& weight) {
  const DType dtype = common_dtype(a, b);
  const Operand from(as_dtype(a, is_floating(dtype) ? dtype : f32), a.at());
  const Operand to(as_dtype(b, is_floating(dtype) ? dtype : f32), a.at());
  const Operand way(sub(to, from), a.at());
  // From the nearer end, so that both ends are exact.
  const auto near_a = [&] { return add(from, mul(weight, way)); };
  const auto near_b = [&] { return sub(to, mul(way, sub(1, weight))); };
  if (weight.is_number()) return weight.number() < 0.5 ? near_a() : near_b();
  return where(less(weight, 0.5), near_a(), near_b());
}

namespace op_defs {
namespace {

constexpr auto negated = [](auto x) {
  if constexpr (std::is_integral_v<decltype(x)>) {
    return wrapping_sub(0, x);
  } else {
    return -x;
  }
};
constexpr auto magnitude = [](auto x) {
  if constexpr (std::is_integral_v<decltype(x)>) {
    return x < 0 ? wrapping_sub(0, x) : x;
  } else {
    return std::fabs(x);
  }
};
constexpr auto squared = [](auto x) {
  if constexpr (std::is_integral_v<decltype(x)>) {
    return wrapping_mul(x, x);
  } else {
    return x * x;
  }
};
constexpr auto sign_of = [](auto x) -> decltype(x) { return 0 < x ? 1 : x < 0 ? -1 : x; };

// A bound as an integer: what is beyond the range of i64 does not bound.
std::int64_t integer_bound(double bound) {
  if (bound >= 0x1p63) return std::numeric_limits<std::int64_t>::max();
  if (bound <= -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(bound);
}

void clamp_reference(const ReferenceContext& c) {
  const double low = c.attrs.number("low");
  const double high = c.attrs.number("high");
  if (is_floating(c.in_specs[0].dtype)) {
    std::vector<double> x = c.load(0);
    for (double& v : x) v = v < low ? low : high < v ? high : v;
    c.store(0, x);
  } else {
    std::vector<std::int64_t> x = load_integers(c, 0);
    for (std::int64_t& v : x) v = std::min(std::max(v, integer_bound(low)), integer_bound(high));
    store_integers(c, 0, x);
  }
}

}  // namespace

const OpDef neg = unary_op(
    "neg", infer_number, map_exactly<negated>, [](G c) -> L { return {-c.ct()}; },
    number_samples<-2.0, 2.0>, "Neg");

const OpDef abs = unary_op(
    "abs", infer_number, map_exactly<magnitude>,
    [](G c) -> L { return {c.ct() * nacre::sign(c.in(0))}; }, number_samples<-2.0, 2.0>, "Abs");

const OpDef sign =
    unary_op("sign", infer_number, map_exactly<sign_of>, nullptr, number_samples<-2.0, 2.0>, "Sign",
             "use a smooth step: tanh(x / width)");

const OpDef square = unary_op(
    "square", infer_number, map_exactly<squared>, [](G c) -> L { return {c.ct() * 2 * c.in(0)}; },
    number_samples<-2.0, 2.0>, "");

const OpDef sqrt = unary_op(
    "sqrt", infer_floating, map_reference<[](double x) { return std::sqrt(x); }>,
    [](G c) -> L { return {c.ct() * 0.5 / c.out()}; }, samples<0.1, 5.0>, "Sqrt");

const OpDef rsqrt = unary_op(
    "rsqrt", infer_floating, map_reference<[](double x) { return 1 / std::sqrt(x); }>,
    [](G c) -> L { return {c.ct() * -0.5 * c.out() / c.in(0)}; }, samples<0.1, 5.0>, "");

const OpDef cbrt = unary_op(
    "cbrt", infer_floating, map_reference<[](double x) { return std::cbrt(x); }>,
    [](G c) -> L { return {c.ct() * (1.0 / 3) / nacre::square(c.out())}; }, samples<0.1, 5.0>, "");

const OpDef reciprocal = unary_op(
    "reciprocal", infer_floating, map_reference<[](double x) { return 1 / x; }>,
    [](G c) -> L { return {-c.ct() * nacre::square(c.out())}; }, samples<0.3, 3.0>, "Reciprocal");

const OpDef clamp = {
    .name = "clamp",
    .infer = [](const InferContext& c) -> SpecList {
      const double low = c.attrs.number("low");
      const double high = c.attrs.number("high");
      if (!(low <= high)) {
        c.fail_value(fmt::format("low {} is above high {}", low, high),
                     "the order is clamp(x, low, high)");
      }
      return infer_number(c);
    },
    .vjp = [](G c) -> L {
      const Tensor inside =
          (c.in(0) >= c.attrs.number("low")) & (c.in(0) <= c.attrs.number("high"));
      return {nacre::where(inside, c.ct(), 0)};
    },
    .reference = clamp_reference,
    .onnx = "Clip",
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list = number_samples<-2.0, 2.0>();
      for (Sample& s : list) {
        const bool whole = s.inputs[0].fill == Fill::integers;
        s.attrs = {{"low", whole ? 1.0 : -0.7}, {"high", whole ? 5.0 : 1.1}};
      }
      return list;
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
