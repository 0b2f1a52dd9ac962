// Rounding to whole numbers and tests of floating values.
#include "nacre/ops/elementwise/rules.h"

namespace nacre {
namespace {

// Whole numbers already: nothing to do, and no op that would lose bits.
Tensor rounded(Op op, const Operand& x) {
  return is_integral(x.dtype()) ? x.tensor() : emit_same(op, x);
}

}  // namespace

Tensor floor(const Operand& x) { return rounded(Op::floor, x); }
Tensor ceil(const Operand& x) { return rounded(Op::ceil, x); }
Tensor round(const Operand& x) { return rounded(Op::round, x); }
Tensor trunc(const Operand& x) { return rounded(Op::trunc, x); }
Tensor frac(const Operand& x) { return sub(x, trunc(x)); }
Tensor is_nan(const Operand& x) { return emit_same(Op::is_nan, x); }
Tensor is_inf(const Operand& x) { return emit_same(Op::is_inf, x); }
Tensor is_finite(const Operand& x) { return emit_same(Op::is_finite, x); }

namespace op_defs {
namespace {

constexpr std::string_view kRoundingHint =
    "pass the gradient straight through: x + stop_gradient(round(x) - x)";
constexpr std::string_view kTestHint = "test outside the loss";

std::vector<Sample> test_samples() {
  return joined(one_input_samples(-2, 2), one_input_integer_samples(0, 9, {i32, i64, u8}));
}

// A test of floats; every integer and bool passes as an ordinary finite number.
template <auto F>
void test_reference(const ReferenceContext& c) {
  map_reference<[](double x) { return static_cast<double>(F(x)); }>(c);
}

}  // namespace

const OpDef floor =
    unary_op("floor", infer_floating, map_reference<[](double x) { return std::floor(x); }>,
             nullptr, samples<-4.0, 4.0>, "Floor", kRoundingHint);
const OpDef ceil =
    unary_op("ceil", infer_floating, map_reference<[](double x) { return std::ceil(x); }>, nullptr,
             samples<-4.0, 4.0>, "Ceil", kRoundingHint);
// The default rounding mode, to nearest with halves to even.
const OpDef round =
    unary_op("round", infer_floating, map_reference<[](double x) { return std::nearbyint(x); }>,
             nullptr, samples<-4.0, 4.0>, "Round", kRoundingHint);
const OpDef trunc =
    unary_op("trunc", infer_floating, map_reference<[](double x) { return std::trunc(x); }>,
             nullptr, samples<-4.0, 4.0>, "", kRoundingHint);

const OpDef is_nan =
    unary_op("is_nan", infer_test, test_reference<[](double x) { return std::isnan(x); }>, nullptr,
             test_samples, "IsNaN", kTestHint);
const OpDef is_inf =
    unary_op("is_inf", infer_test, test_reference<[](double x) { return std::isinf(x); }>, nullptr,
             test_samples, "IsInf", kTestHint);
const OpDef is_finite =
    unary_op("is_finite", infer_test, test_reference<[](double x) { return std::isfinite(x); }>,
             nullptr, test_samples, "", kTestHint);

}  // namespace op_defs
}  // namespace nacre
