// Comparisons, and `where`, which chooses by them.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"

namespace nacre {

namespace {

// The comparison that holds with its sides exchanged.
Op mirrored(Op op) {
  switch (op) {
    case Op::less:
      return Op::greater;
    case Op::less_equal:
      return Op::greater_equal;
    case Op::greater:
      return Op::less;
    case Op::greater_equal:
      return Op::less_equal;
    default:
      return op;
  }
}

// Integers of type T against a number of any kind and size, decided without rounding either:
// between whole numbers, x < 2.5 is x <= 2.
template <class T>
Tensor compare_integers(Op op, const Operand& x, const Number& number) {
  using Limits = std::numeric_limits<T>;
  const auto with = [&](Op how, T bound) {
    return emit_one(how, {x.tensor(), Tensor::scalar(bound, x.dtype())}, x.at());
  };
  const auto decided = [&](bool everywhere) {
    return with(everywhere ? Op::greater_equal : Op::less, Limits::lowest());
  };
  const double real = number.real();
  const bool fraction = !number.is_whole() && real != std::floor(real);  // of NaN too
  if (std::isnan(real) || (fraction && (op == Op::equal || op == Op::not_equal))) {
    return decided(op == Op::not_equal);
  }
  const bool below = op == Op::less || op == Op::less_equal;
  const std::optional<T> whole = number.as<T>();  // a fraction is cut off
  if (!whole) {
    // The number is above or below all of T.
    if (op == Op::equal || op == Op::not_equal) return decided(op == Op::not_equal);
    return decided(below == (real > 0));
  }
  if (!fraction) return with(op, *whole);
  // The number lies between *whole and its neighbour away from zero.
  if (real > 0) return with(below ? Op::less_equal : Op::greater, *whole);
  return with(below ? Op::less : Op::greater_equal, *whole);
}

Tensor compare_with_number(Op op, const Operand& x, const Number& number) {
  return visit_dtype(x.dtype(), [&](auto tag) -> Tensor {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      return compare_integers<T>(op, x, number);
    } else {
      throw InternalError("compare_with_number: integers expected");
    }
  });
}

Tensor compare(Op op, const Operand& a, const Operand& b) {
  if (b.is_number() && !a.is_number() && is_integral(a.dtype())) {
    return compare_with_number(op, a, b.exact());
  }
  if (a.is_number() && !b.is_number() && is_integral(b.dtype())) {
    return compare_with_number(mirrored(op), b, a.exact());
  }
  return emit_binary(op, a, b);
}

}  // namespace

Tensor equal(const Operand& a, const Operand& b) { return compare(Op::equal, a, b); }
Tensor not_equal(const Operand& a, const Operand& b) { return compare(Op::not_equal, a, b); }
Tensor less(const Operand& a, const Operand& b) { return compare(Op::less, a, b); }
Tensor less_equal(const Operand& a, const Operand& b) { return compare(Op::less_equal, a, b); }
Tensor greater(const Operand& a, const Operand& b) { return compare(Op::greater, a, b); }
Tensor greater_equal(const Operand& a, const Operand& b) {
  return compare(Op::greater_equal, a, b);
}

Tensor is_close(const Operand& a, const Operand& b, double relative, double absolute,
                bool equal_nan) {
  const DType common = common_dtype(a, b);
  const DType dtype = is_floating(common) ? common : f64;
  const Operand x(as_dtype(a, dtype), a.at());
  const Operand y(as_dtype(b, dtype), a.at());
  Tensor apart = abs(sub(x, y));
  if (common == i64) {
    // Doubles that are near each other may stand for different integers, whose difference is exact.
    const Tensor exact = abs(sub(Operand(as_dtype(a, i64), a.at()), as_dtype(b, i64)));
    apart = where(apart < 0x1p53, exact.to(f64), apart);
  }
  const Tensor near = apart <= absolute + relative * abs(y);
  // An infinite y would make every bound infinite.
  Tensor close = (is_floating(common) ? equal(x, y) : apart == 0) | (near & is_finite(y));
  if (equal_nan) close = close | (is_nan(x) & is_nan(y));
  return close;
}

Tensor all_close(const Operand& a, const Operand& b, double relative, double absolute,
                 bool equal_nan) {
  const Tensor far = logical_not({is_close(a, b, relative, absolute, equal_nan), a.at()});
  return equal(sum({far, a.at()}), 0);
}

Tensor where(const Operand& condition, const Operand& a, const Operand& b) {
  // Two whole numbers stay whole: where(mask, 1, 0) counts.
  const bool whole = a.is_whole_number() && b.is_whole_number();
  const DType dtype = whole ? i64 : common_dtype(a, b);
  return emit_one(Op::where, {condition.tensor(), as_dtype(a, dtype), as_dtype(b, dtype)},
                  condition.at());
}

namespace op_defs {
namespace {

constexpr std::string_view kHint = "compare outside the loss, or use a smooth measure";

// Small whole numbers and bool beside floats, so that equal pairs occur.
std::vector<Sample> comparison_samples() {
  std::vector<Sample> list = joined(number_pair_samples<-2.0, 2.0>(),
                                    two_input_integer_samples(0, 2, {i32, u8, f32, f64}));
  list.push_back({.inputs = {{{boolean, {33}}, 0, 1, Fill::booleans},
                             {{boolean, {33}}, 0, 1, Fill::booleans}}});
  return list;
}

constexpr OpDef comparison(std::string_view name, ReferenceFn reference, std::string_view onnx) {
  return binary_op(name, infer_comparison, reference, nullptr, comparison_samples, onnx, kHint);
}

// Moves bytes, so that every dtype comes through exactly.
void where_reference(const ReferenceContext& c) {
  const auto size = static_cast<std::int64_t>(size_of(c.out_specs[0].dtype));
  BroadcastWalk condition(c.in_shape(0), c.out_shape());
  BroadcastWalk a(c.in_shape(1), c.out_shape());
  BroadcastWalk b(c.in_shape(2), c.out_shape());
  for (std::int64_t i = 0; i < c.out_shape().elements(); ++i) {
    const bool first = c.in_bytes(0)[condition.offset()] != 0;
    const char* from =
        first ? c.in_bytes(1) + a.offset() * size : c.in_bytes(2) + b.offset() * size;
    std::memcpy(c.out_bytes(0) + i * size, from, static_cast<std::size_t>(size));
    condition.next();
    a.next();
    b.next();
  }
}

}  // namespace

const OpDef equal =
    comparison("equal", zip_exactly<[](auto a, auto b) { return a == b; }>, "Equal");
const OpDef not_equal =
    comparison("not_equal", zip_exactly<[](auto a, auto b) { return a != b; }>, "");
const OpDef less = comparison("less", zip_exactly<[](auto a, auto b) { return a < b; }>, "Less");
const OpDef less_equal =
    comparison("less_equal", zip_exactly<[](auto a, auto b) { return a <= b; }>, "LessOrEqual");
const OpDef greater =
    comparison("greater", zip_exactly<[](auto a, auto b) { return b < a; }>, "Greater");
const OpDef greater_equal = comparison(
    "greater_equal", zip_exactly<[](auto a, auto b) { return b <= a; }>, "GreaterOrEqual");

const OpDef where = {
    .name = "where",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(3);
      if (c.inputs[0].dtype != boolean) {
        c.fail_dtype(fmt::format("the condition is {}, bool expected", name_of(c.inputs[0].dtype)),
                     "compare it: x > 0");
      }
      if (c.inputs[1].dtype != c.inputs[2].dtype) {
        c.fail_dtype("the two choices have different dtypes", "convert one with x.to(dtype)");
      }
      return {{c.inputs[1].dtype, c.broadcast(0, 3)}};
    },
    .vjp = [](G c) -> L {
      return {Tensor(), c.wanted[1] ? to_input(c, 1, nacre::where(c.in(0), c.ct(), 0)) : Tensor(),
              c.wanted[2] ? to_input(c, 2, nacre::where(c.in(0), 0, c.ct())) : Tensor()};
    },
    .gradient_hint = "only the two choices have gradients; the condition has none",
    .reference = where_reference,
    .onnx = "Where",
    .samples = []() -> std::vector<Sample> {
      const SampleInput mask{{boolean, {3, 7}}, 0, 1, Fill::booleans};
      const auto whole = [](DType d, Shape s) { return SampleInput{{d, s}, 0, 9, Fill::integers}; };
      return {{.inputs = {mask, {{f32, {3, 7}}}, {{f32, {3, 7}}}}},
              {.inputs = {mask, {{f32, {7}}}, {{f32, {}}}}},
              {.inputs = {mask, {{f64, {3, 1}}}, {{f64, {2, 3, 7}}}}},
              {.inputs = {mask, {{f16, {3, 7}}}, {{f16, {3, 7}}}}},
              {.inputs = {mask, whole(i32, {3, 7}), whole(i32, {7})}},
              {.inputs = {mask, whole(u8, {3, 7}), whole(u8, {7})}},
              {.inputs = {mask, whole(i64, {3, 7}), whole(i64, {})}},
              {.inputs = {mask, mask, mask}}};
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
