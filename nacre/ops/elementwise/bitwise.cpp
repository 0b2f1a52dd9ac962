// Logic on truth values and on the bits of integers. No gradients.
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"

namespace nacre {
namespace {

// bool with the number 0 or 1 (also: with true or false) stays bool.
Tensor bitwise(Op op, const Operand& a, const Operand& b) {
  if (a.is_number() != b.is_number()) {
    const Operand& number = a.is_number() ? a : b;
    const bool truth = number.is_whole_number() && (number.number() == 0 || number.number() == 1);
    if ((a.is_number() ? b : a).dtype() == boolean && truth) {
      return emit_one(op, {as_dtype(a, boolean), as_dtype(b, boolean)}, a.at());
    }
  }
  return emit_binary(op, a, b);
}

}  // namespace

Tensor logical_not(const Operand& x) { return emit_same(Op::logical_not, x); }
Tensor logical_and(const Operand& a, const Operand& b) {
  return emit_binary(Op::logical_and, a, b);
}
Tensor logical_or(const Operand& a, const Operand& b) { return emit_binary(Op::logical_or, a, b); }
Tensor logical_xor(const Operand& a, const Operand& b) {
  return emit_binary(Op::logical_xor, a, b);
}
Tensor bitwise_not(const Operand& x) { return emit_same(Op::bitwise_not, x); }
Tensor bitwise_and(const Operand& a, const Operand& b) { return bitwise(Op::bitwise_and, a, b); }
Tensor bitwise_or(const Operand& a, const Operand& b) { return bitwise(Op::bitwise_or, a, b); }
Tensor bitwise_xor(const Operand& a, const Operand& b) { return bitwise(Op::bitwise_xor, a, b); }
Tensor shift_left(const Operand& a, const Operand& b) { return emit_binary(Op::shift_left, a, b); }
Tensor shift_right(const Operand& a, const Operand& b) {
  return emit_binary(Op::shift_right, a, b);
}

namespace op_defs {
namespace {

constexpr std::string_view kHint =
    "truth values and bits have no gradient; weigh the alternatives with where or a sigmoid";

SampleInput truth(Shape shape) { return {{boolean, shape}, 0, 1, Fill::booleans}; }

std::vector<Sample> one_truth_samples() {
  return {{.inputs = {truth({3, 7})}}, {.inputs = {truth({})}}, {.inputs = {truth({131})}}};
}
std::vector<Sample> two_truth_samples() {
  return {{.inputs = {truth({3, 7}), truth({3, 7})}},
          {.inputs = {truth({3, 7}), truth({7})}},
          {.inputs = {truth({131}), truth({131})}},
          {.inputs = {truth({5, 1}), truth({})}}};
}
std::vector<Sample> logical_not_samples() {
  return joined(one_truth_samples(), joined(one_input_integer_samples(0, 2, {i32, u8}),
                                            one_input_integer_samples(0, 2, {f32})));
}
std::vector<Sample> logical_samples() {
  return joined(two_truth_samples(), joined(two_input_integer_samples(0, 2, {i8, i64}),
                                            two_input_integer_samples(0, 2, {f32, f64})));
}
std::vector<Sample> bitwise_not_samples() {
  return joined(one_truth_samples(), joined(one_input_integer_samples(-100, 100, {i8, i32, i64}),
                                            one_input_integer_samples(0, 200, {u8})));
}
std::vector<Sample> bitwise_samples() {
  return joined(two_truth_samples(), joined(two_input_integer_samples(-100, 100, {i8, i32, i64}),
                                            two_input_integer_samples(0, 200, {u8})));
}
std::vector<Sample> shift_samples() {
  return joined(two_input_integer_samples(-9, 9, {i8, i32, i64}),
                two_input_integer_samples(0, 9, {u8}));
}

std::int64_t width(const ReferenceContext& c) {
  return static_cast<std::int64_t>(8 * size_of(c.in_specs[0].dtype));
}

template <bool left>
void shift_reference(const ReferenceContext& c) {
  const std::int64_t bits = width(c);
  const std::vector<std::int64_t> a = load_integers(c, 0);
  const std::vector<std::int64_t> b = load_integers(c, 1);
  std::vector<std::int64_t> out(static_cast<std::size_t>(c.out_shape().elements()));
  BroadcastWalk wa(c.in_shape(0), c.out_shape());
  BroadcastWalk wb(c.in_shape(1), c.out_shape());
  for (std::int64_t& v : out) {
    const std::int64_t x = a[static_cast<std::size_t>(wa.offset())];
    const std::int64_t count = b[static_cast<std::size_t>(wb.offset())];
    const bool within = count >= 0 && count < bits;
    if (left) {
      v = within ? static_cast<std::int64_t>(static_cast<std::uint64_t>(x) << count) : 0;
    } else {
      v = x >> (within ? count : 63);  // the sign all over
    }
    wa.next();
    wb.next();
  }
  store_integers(c, 0, out);
}

}  // namespace

const OpDef logical_not =
    unary_op("logical_not", infer_test, map_exactly<[](auto x) { return x == 0; }>, nullptr,
             logical_not_samples, "Not", kHint);
const OpDef logical_and = binary_op("logical_and", infer_comparison,
                                    zip_exactly<[](auto a, auto b) { return a != 0 && b != 0; }>,
                                    nullptr, logical_samples, "And", kHint);
const OpDef logical_or = binary_op("logical_or", infer_comparison,
                                   zip_exactly<[](auto a, auto b) { return a != 0 || b != 0; }>,
                                   nullptr, logical_samples, "Or", kHint);
const OpDef logical_xor =
    binary_op("logical_xor", infer_comparison,
              zip_exactly<[](auto a, auto b) { return (a != 0) != (b != 0); }>, nullptr,
              logical_samples, "Xor", kHint);

const OpDef bitwise_not = {
    .name = "bitwise_not",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      if (is_floating(c.inputs[0].dtype)) {
        c.fail_dtype(
            "an integer or bool expected, " + std::string(name_of(c.inputs[0].dtype)) + " given",
            "compare first (x > 0), or convert with x.to(nacre::i64)");
      }
      return {c.inputs[0]};
    },
    .gradient = Gradient::zero,
    .gradient_hint = kHint,
    .reference =
        [](const ReferenceContext& c) {
          const bool truth_value = c.in_specs[0].dtype == boolean;
          std::vector<std::int64_t> x = load_integers(c, 0);
          for (std::int64_t& v : x) v = truth_value ? !v : ~v;
          store_integers(c, 0, x);
        },
    .onnx = "BitwiseNot",
    .samples = bitwise_not_samples,
    .elementwise = true,
};
const OpDef bitwise_and = binary_op(
    "bitwise_and", infer_bits, zip_integers<[](std::int64_t a, std::int64_t b) { return a & b; }>,
    nullptr, bitwise_samples, "BitwiseAnd", kHint);
const OpDef bitwise_or = binary_op(
    "bitwise_or", infer_bits, zip_integers<[](std::int64_t a, std::int64_t b) { return a | b; }>,
    nullptr, bitwise_samples, "BitwiseOr", kHint);
const OpDef bitwise_xor = binary_op(
    "bitwise_xor", infer_bits, zip_integers<[](std::int64_t a, std::int64_t b) { return a ^ b; }>,
    nullptr, bitwise_samples, "BitwiseXor", kHint);
const OpDef shift_left = binary_op("shift_left", infer_shift, shift_reference<true>, nullptr,
                                   shift_samples, "BitShift", kHint);
const OpDef shift_right = binary_op("shift_right", infer_shift, shift_reference<false>, nullptr,
                                    shift_samples, "BitShift", kHint);

}  // namespace op_defs
}  // namespace nacre
