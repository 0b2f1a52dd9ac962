// Arithmetic of one input, clamp {low, high, open}, and functions made of arithmetic. The bounds
// of clamp are i64 for integers, exactly, and doubles for floats; with {open} its gradient is 0 at
// the bounds too.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"

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
  const DType dtype = common_dtype(Operand(as_dtype(x, common_dtype(x, low)), x.at()), high);
  if (low.is_number() && high.is_number()) {
    // Bounds beyond the range of an integer dtype do not bound.
    const auto bound = [&](const Operand& b) {
      return is_floating(dtype) ? Attr(b.number()) : Attr(op_defs::integer_bound(b.exact()));
    };
    return emit_one(Op::clamp, {{"low", bound(low)}, {"high", bound(high)}}, {as_dtype(x, dtype)},
                    x.at());
  }
  // Chosen, not made of maximum and minimum, whose gradient of ties goes half to the bound. A bound
  // that is NaN is taken, as by maximum.
  const Location& at = x.at();
  const auto beyond = [&](const Tensor& outside, const Operand& b) {
    return is_floating(b.dtype()) && !b.is_number() ? logical_or({outside, at}, {is_nan(b), at})
                                                    : outside;
  };
  const Operand v(as_dtype(x, dtype), at);
  const Operand raised(where({beyond(less(v, low), low), at}, low, v), at);
  return where({beyond(greater(raised, high), high), at}, high, raised);
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

std::int64_t integer_bound(const Number& bound) {
  if (const auto v = bound.truncated(); v) return *v;
  return bound.real() < 0 ? std::numeric_limits<std::int64_t>::min()
                          : std::numeric_limits<std::int64_t>::max();
}

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

void clamp_reference(const ReferenceContext& c) {
  if (is_floating(c.in_specs[0].dtype)) {
    const double low = c.attrs.number("low");
    const double high = c.attrs.number("high");
    std::vector<double> x = c.load(0);
    for (double& v : x) v = v < low ? low : high < v ? high : v;
    c.store(0, x);
  } else {
    std::vector<std::int64_t> x = load_integers(c, 0);
    const std::int64_t least = integer_bound(c.attrs.exact("low"));
    const std::int64_t most = integer_bound(c.attrs.exact("high"));
    for (std::int64_t& v : x) v = std::min(std::max(v, least), most);
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
      const Number low = c.attrs.exact("low");
      const Number high = c.attrs.exact("high");
      const bool ordered = low.is_whole() && high.is_whole() ? low.truncated() <= high.truncated()
                                                             : low.real() <= high.real();
      if (!ordered) {
        c.fail_value(fmt::format("low {} is above high {}", to_string(low), to_string(high)),
                     "the order is clamp(x, low, high)");
      }
      return infer_number(c);
    },
    .vjp = [](G c) -> L {
      const double low = c.attrs.number("low");
      const double high = c.attrs.number("high");
      const bool open = c.attrs.flag_or("open", false);
      const Tensor inside =
          open ? (c.in(0) > low) & (c.in(0) < high) : (c.in(0) >= low) & (c.in(0) <= high);
      return {nacre::where(inside, c.ct(), 0)};
    },
    .reference = clamp_reference,
    .onnx = "Clip",
    .samples = []() -> std::vector<Sample> {
      std::vector<Sample> list = number_samples<-2.0, 2.0>();
      for (Sample& s : list) {
        const bool whole = s.inputs[0].fill == Fill::integers;
        s.attrs = whole ? Attrs{{"low", std::int64_t{1}}, {"high", std::int64_t{5}}}
                        : Attrs{{"low", -0.7}, {"high", 1.1}};
      }
      list.push_back(
          {.inputs = {{{f64, {9}}}}, .attrs = {{"low", -0.7}, {"high", 1.1}, {"open", true}}});
      return list;
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
