// Comparisons, and `where`, which chooses by them.
#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/elementwise_defs.h"

namespace nacre {

Tensor equal(const Operand& a, const Operand& b) { return emit_binary(Op::equal, a, b); }
Tensor not_equal(const Operand& a, const Operand& b) { return emit_binary(Op::not_equal, a, b); }
Tensor less(const Operand& a, const Operand& b) { return emit_binary(Op::less, a, b); }
Tensor less_equal(const Operand& a, const Operand& b) { return emit_binary(Op::less_equal, a, b); }
Tensor greater(const Operand& a, const Operand& b) { return emit_binary(Op::greater, a, b); }
Tensor greater_equal(const Operand& a, const Operand& b) {
  return emit_binary(Op::greater_equal, a, b);
}

Tensor is_close(const Operand& a, const Operand& b, double relative, double absolute,
                bool equal_nan) {
  const DType common = common_dtype(a, b);
  const DType dtype = is_floating(common) ? common : f64;
  const Operand x(as_dtype(a, dtype), a.at());
  const Operand y(as_dtype(b, dtype), a.at());
  const Tensor near = abs(sub(x, y)) <= absolute + relative * abs(y);
  // An infinite y would make every bound infinite.
  Tensor close = equal(x, y) | (near & is_finite(y));
  if (equal_nan) close = close | (is_nan(x) & is_nan(y));
  return close;
}

Tensor all_close(const Operand& a, const Operand& b, double relative, double absolute,
                 bool equal_nan) {
  const Tensor far = logical_not({is_close(a, b, relative, absolute, equal_nan), a.at()});
  return equal(sum({far, a.at()}), 0);
}

Tensor where(const Operand& condition, const Operand& a, const Operand& b) {
  const DType dtype = common_dtype(a, b);
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
