// Arithmetic of two inputs. The ops take equal dtypes; the functions promote.
#include <fmt/format.h>

#include <algorithm>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/elementwise/rules.h"

namespace nacre {
namespace {

// Of truth values the sum and the maximum are `or`, the product and the minimum `and`, as in NumPy
// and PyTorch.
Tensor emit_or_logical(Op op, Op logical, const Operand& a, const Operand& b) {
  return emit_binary(common_dtype(a, b) == boolean ? logical : op, a, b);
}

}  // namespace

Tensor add(const Operand& a, const Operand& b) {
  return emit_or_logical(Op::add, Op::logical_or, a, b);
}
Tensor sub(const Operand& a, const Operand& b) { return emit_binary(Op::sub, a, b); }
Tensor mul(const Operand& a, const Operand& b) {
  return emit_or_logical(Op::mul, Op::logical_and, a, b);
}
Tensor div(const Operand& a, const Operand& b) { return emit_binary_floating(Op::div, a, b); }
Tensor floor_divide(const Operand& a, const Operand& b) {
  return emit_binary(Op::floor_divide, a, b);
}
Tensor remainder(const Operand& a, const Operand& b) { return emit_binary(Op::remainder, a, b); }
Tensor fmod(const Operand& a, const Operand& b) { return emit_binary(Op::fmod, a, b); }
Tensor maximum(const Operand& a, const Operand& b) {
  return emit_or_logical(Op::maximum, Op::logical_or, a, b);
}
Tensor minimum(const Operand& a, const Operand& b) {
  return emit_or_logical(Op::minimum, Op::logical_and, a, b);
}
Tensor copysign(const Operand& a, const Operand& b) {
  return emit_binary_floating(Op::copysign, a, b);
}

Tensor pow(const Operand& a, const Operand& b) {
  if (b.is_number() && b.number() < 0 && !is_floating(common_dtype(a, b))) {
    throw ValueError(
        format_error({.op = "pow",
                      .what = fmt::format("an integer to the negative power {}", b.number()),
                      .inputs = "input " + to_string(a.tensor().spec()),
                      .layer = layer_path(),
                      .location = a.at(),
                      .hint = "convert it first: pow(x.to(nacre::f32), -1)"}));
  }
  return emit_binary(Op::pow, a, b);
}

namespace op_defs {
namespace {

template <class T>
constexpr bool whole = std::is_integral_v<T>;

constexpr auto sum_of = [](auto a, auto b) {
  if constexpr (whole<decltype(a)>) {
    return wrapping_add(a, b);
  } else {
    return a + b;
  }
};
constexpr auto difference_of = [](auto a, auto b) {
  if constexpr (whole<decltype(a)>) {
    return wrapping_sub(a, b);
  } else {
    return a - b;
  }
};
constexpr auto product_of = [](auto a, auto b) {
  if constexpr (whole<decltype(a)>) {
    return wrapping_mul(a, b);
  } else {
    return a * b;
  }
};

// By repeated squaring. A negative exponent leaves a whole number only for 1 and -1.
std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  std::int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = wrapping_mul(result, base);
    base = wrapping_mul(base, base);
  }
  return result;
}
constexpr auto power_of = [](auto a, auto b) {
  if constexpr (whole<decltype(a)>) {
    return integer_power(a, b);
  } else {
    return std::pow(a, b);
  }
};

// 0 for a zero divisor, and no trap for the lowest number by -1.
constexpr auto truncated_remainder = [](auto a, auto b) -> decltype(a) {
  if constexpr (whole<decltype(a)>) {
    return b == 0 || b == -1 ? 0 : a % b;
  } else {
    return std::fmod(a, b);
  }
};
constexpr auto floored_remainder = [](auto a, auto b) -> decltype(a) {
  const auto r = truncated_remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
};
constexpr auto floored_quotient = [](auto a, auto b) -> decltype(a) {
  if constexpr (whole<decltype(a)>) {
    if (b == 0) return 0;
    if (b == -1) return wrapping_sub(0, a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
  } else {
    if (b == 0) return a / b;
    const double r = std::fmod(a, b);
    double quotient = (a - r) / b;  // whole, but for rounding
    if (r != 0 && (r < 0) != (b < 0)) quotient -= 1;
    const double below = std::floor(quotient);
    return quotient - below > 0.5 ? below + 1 : below;
  }
};

template <bool greater>
constexpr auto extremum = [](auto a, auto b) {
  if constexpr (!whole<decltype(a)>) {
    if (std::isnan(a)) return a;
    if (std::isnan(b)) return b;
  }
  return greater ? std::max(a, b) : std::min(a, b);
};

template <bool want_greater>
TensorList vjp_extremum(const VjpContext& c) {
  const Tensor ct = c.ct();
  const Tensor half = ct * nacre::where(nacre::equal(c.in(0), c.in(1)), 0.5, 0.0).to(ct.dtype());
  const Tensor a_wins = want_greater ? c.in(0) > c.in(1) : c.in(0) < c.in(1);
  const Tensor b_wins = want_greater ? c.in(1) > c.in(0) : c.in(1) < c.in(0);
  return {to_input(c, 0, nacre::where(a_wins, ct, half)),
          to_input(c, 1, nacre::where(b_wins, ct, half))};
}

// Quotients far from whole numbers, so that no finite difference crosses a jump.
std::vector<Sample> quotient_samples() {
  std::vector<Sample> list = number_pair_samples<0.5, 3.0>();
  for (Sample& s : list) {
    if (s.inputs[0].fill == Fill::integers) continue;
    s.inputs[0].low = 5.1;
    s.inputs[0].high = 5.9;
    s.inputs[1].low = 2.05;
    s.inputs[1].high = 2.45;
  }
  list.push_back({.inputs = {{{f64, {31}}, -5.9, -5.1}, {{f64, {31}}, 2.05, 2.45}}});
  list.push_back({.inputs = {{{f64, {31}}, 5.1, 5.9}, {{f64, {31}}, -2.45, -2.05}}});
  return list;
}
std::vector<Sample> power_samples() {
  return joined(two_input_samples(0.3, 2.5), two_input_integer_samples(0, 6, {i8, u8, i32, i64}));
}

}  // namespace

const OpDef add = binary_op(
    "add", infer_numbers, zip_exactly<sum_of>,
    [](G c) -> L {
      return {to_input(c, 0, c.ct()), to_input(c, 1, c.ct())};
    },
    number_pair_samples<-2.0, 2.0>, "Add");

const OpDef sub = binary_op(
    "sub", infer_numbers, zip_exactly<difference_of>,
    [](G c) -> L {
      return {to_input(c, 0, c.ct()), c.wanted[1] ? to_input(c, 1, -c.ct()) : Tensor()};
    },
    number_pair_samples<-2.0, 2.0>, "Sub");

const OpDef mul = binary_op(
    "mul", infer_pair, zip_exactly<product_of>,
    [](G c) -> L {
      return {c.wanted[0] ? to_input(c, 0, c.ct() * c.in(1)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, c.ct() * c.in(0)) : Tensor()};
    },
    number_pair_samples<-2.0, 2.0>, "Mul");

const OpDef div = binary_op(
    "div", infer_floatings, zip_reference<[](double a, double b) { return a / b; }>,
    [](G c) -> L {
      return {c.wanted[0] ? to_input(c, 0, c.ct() / c.in(1)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, -c.ct() * c.out() / c.in(1)) : Tensor()};
    },
    pair_samples<0.5, 3.0>, "Div");

const OpDef floor_divide =
    binary_op("floor_divide", infer_numbers, zip_exactly<floored_quotient>, nullptr,
              quotient_samples, "", "divide with / and keep the fraction");

const OpDef remainder = binary_op(
    "remainder", infer_numbers, zip_exactly<floored_remainder>,
    [](G c) -> L {
      return {
          to_input(c, 0, c.ct()),
          c.wanted[1] ? to_input(c, 1, -c.ct() * nacre::floor_divide(c.in(0), c.in(1))) : Tensor()};
    },
    quotient_samples, "Mod");

const OpDef fmod = binary_op(
    "fmod", infer_numbers, zip_exactly<truncated_remainder>,
    [](G c) -> L {
      return {to_input(c, 0, c.ct()),
              c.wanted[1] ? to_input(c, 1, -c.ct() * nacre::trunc(c.in(0) / c.in(1))) : Tensor()};
    },
    quotient_samples, "Mod");

const OpDef pow = binary_op(
    "pow", infer_numbers, zip_exactly<power_of>,
    [](G c) -> L {
      const Tensor& a = c.in(0);
      const Tensor& b = c.in(1);
      Tensor da;
      Tensor db;
      if (c.wanted[0]) {
        da = to_input(c, 0, nacre::where(nacre::equal(b, 0), 0, c.ct() * b * nacre::pow(a, b - 1)));
      }
      // d/db a^b = a^b log a; 0 where a is 0, NaN where it is negative, as in PyTorch.
      if (c.wanted[1]) {
        const Tensor zero = nacre::equal(a, 0);
        const Tensor safe = nacre::where(zero, 1, a);
        db = to_input(c, 1, nacre::where(zero, 0, c.ct() * c.out() * nacre::log(safe)));
      }
      return {da, db};
    },
    power_samples, "Pow");

const OpDef maximum = binary_op("maximum", infer_numbers, zip_exactly<extremum<true>>,
                                vjp_extremum<true>, number_pair_samples<-2.0, 2.0>, "Max");
const OpDef minimum = binary_op("minimum", infer_numbers, zip_exactly<extremum<false>>,
                                vjp_extremum<false>, number_pair_samples<-2.0, 2.0>, "Min");

const OpDef copysign = binary_op(
    "copysign", infer_floatings,
    zip_reference<[](double a, double b) { return std::copysign(a, b); }>,
    [](G c) -> L {
      if (!c.wanted[0]) return {Tensor(), Tensor()};
      return {to_input(c, 0, c.ct() * nacre::sign(c.in(0)) * nacre::copysign(1.0, c.in(1))),
              Tensor()};
    },
    pair_samples<-2.0, 2.0>, "");

}  // namespace op_defs
}  // namespace nacre
