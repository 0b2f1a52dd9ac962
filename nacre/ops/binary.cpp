// Elementwise ops of two inputs, and `where`. The ops take equal dtypes; the functions promote.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/elementwise.h"
#include "nacre/ops/op_defs.h"
#include "nacre/ops/reduce.h"

namespace nacre {
namespace {

// The dtype both operands are brought to.
DType common_dtype(const Operand& a, const Operand& b) {
  if (a.is_number() && b.is_number()) return f32;
  if (a.is_number() || b.is_number()) {
    const Operand& number = a.is_number() ? a : b;
    const DType other = (a.is_number() ? b : a).dtype();
    if (is_floating(other) || (number.is_whole_number() && other != boolean)) return other;
    return number.is_whole_number() ? i32 : f32;
  }
  return promote(a.dtype(), b.dtype());
}

Tensor as(const Operand& x, DType dtype) {
  if (x.is_number()) return x.tensor(dtype);
  const Tensor t = x.tensor();
  return t.dtype() == dtype ? t : cast({t, x.at()}, dtype);
}

Tensor binary(Op op, const Operand& a, const Operand& b) {
  const DType dtype = common_dtype(a, b);
  return emit_one(op, {as(a, dtype), as(b, dtype)}, a.at());
}

Tensor binary_floating(Op op, const Operand& a, const Operand& b) {
  const DType common = common_dtype(a, b);
  const DType dtype = is_floating(common) ? common : f32;
  return emit_one(op, {as(a, dtype), as(b, dtype)}, a.at());
}

}  // namespace

Tensor add(const Operand& a, const Operand& b) { return binary(Op::add, a, b); }
Tensor sub(const Operand& a, const Operand& b) { return binary(Op::sub, a, b); }
Tensor mul(const Operand& a, const Operand& b) { return binary(Op::mul, a, b); }
Tensor div(const Operand& a, const Operand& b) { return binary_floating(Op::div, a, b); }
Tensor pow(const Operand& a, const Operand& b) { return binary(Op::pow, a, b); }
Tensor maximum(const Operand& a, const Operand& b) { return binary(Op::maximum, a, b); }
Tensor minimum(const Operand& a, const Operand& b) { return binary(Op::minimum, a, b); }
Tensor equal(const Operand& a, const Operand& b) { return binary(Op::equal, a, b); }
Tensor not_equal(const Operand& a, const Operand& b) { return binary(Op::not_equal, a, b); }
Tensor less(const Operand& a, const Operand& b) { return binary(Op::less, a, b); }
Tensor less_equal(const Operand& a, const Operand& b) { return binary(Op::less_equal, a, b); }
Tensor greater(const Operand& a, const Operand& b) { return binary(Op::greater, a, b); }
Tensor greater_equal(const Operand& a, const Operand& b) { return binary(Op::greater_equal, a, b); }

Tensor where(const Operand& condition, const Operand& a, const Operand& b) {
  const DType dtype = common_dtype(a, b);
  return emit_one(Op::where, {condition.tensor(), as(a, dtype), as(b, dtype)}, condition.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

SpecList infer_arithmetic(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  return {{c.inputs[0].dtype, c.broadcast(0, 2)}};
}

SpecList infer_numeric(const InferContext& c) {
  const SpecList out = infer_arithmetic(c);
  if (c.inputs[0].dtype == boolean) {
    c.fail_dtype("numbers expected, bool given", "convert it with x.to(nacre::f32)");
  }
  return out;
}

SpecList infer_floating(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_floating(0);
  return infer_arithmetic(c);
}

SpecList infer_comparison(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  return {{boolean, c.broadcast(0, 2)}};
}

// The gradient of a broadcast input: summed over what was repeated.
Tensor to_input(const VjpContext& c, std::size_t i, const Tensor& gradient) {
  return sum_to(gradient, c.in(i).shape());
}

template <double low, double high>
std::vector<Sample> samples() {
  const auto pair = [](Shape a, Shape b, DType d) {
    return Sample{.inputs = {{{d, a}, low, high}, {{d, b}, low, high}}};
  };
  return {pair({3, 7}, {3, 7}, f32),   pair({1031}, {1031}, f32), pair({4, 33}, {33}, f32),
          pair({5, 1}, {1, 7}, f32),   pair({2, 3, 5}, {}, f32),  pair({}, {}, f64),
          pair({2, 1, 3}, {4, 1}, f64)};
}

template <double low, double high>
std::vector<Sample> samples_with_integers() {
  std::vector<Sample> list = samples<low, high>();
  for (const DType d : {i32, i64, u8}) {
    list.push_back(
        {.inputs = {{{d, {3, 7}}, 0, 9, Fill::integers}, {{d, {7}}, 0, 9, Fill::integers}}});
  }
  return list;
}

constexpr OpDef binary_op(std::string_view name, InferFn infer, ReferenceFn reference, VjpFn vjp,
                          SamplesFn samples, std::string_view onnx) {
  return {.name = name,
          .infer = infer,
          .gradient = vjp ? Gradient::vjp : Gradient::zero,
          .vjp = vjp,
          .gradient_hint = vjp ? "" : "compare outside the loss, or use a smooth measure",
          .reference = reference,
          .onnx = onnx,
          .samples = samples,
          .elementwise = true};
}

// Half of the gradient to each side of a tie, as in PyTorch.
template <bool want_greater>
TensorList vjp_extremum(const VjpContext& c) {
  const Tensor ct = c.ct();
  const Tensor half = ct * nacre::where(nacre::equal(c.in(0), c.in(1)), 0.5, 0.0).to(ct.dtype());
  const Tensor a_wins = want_greater ? c.in(0) > c.in(1) : c.in(0) < c.in(1);
  const Tensor b_wins = want_greater ? c.in(1) > c.in(0) : c.in(1) < c.in(0);
  return {to_input(c, 0, nacre::where(a_wins, ct, half)),
          to_input(c, 1, nacre::where(b_wins, ct, half))};
}

}  // namespace

const OpDef add = binary_op(
    "add", infer_numeric, zip_reference<[](double a, double b) { return a + b; }>,
    [](G c) -> L {
      return {to_input(c, 0, c.ct()), to_input(c, 1, c.ct())};
    },
    samples_with_integers<-2.0, 2.0>, "Add");

const OpDef sub = binary_op(
    "sub", infer_numeric, zip_reference<[](double a, double b) { return a - b; }>,
    [](G c) -> L {
      return {to_input(c, 0, c.ct()), to_input(c, 1, -c.ct())};
    },
    samples<-2.0, 2.0>, "Sub");

const OpDef mul = binary_op(
    "mul", infer_arithmetic, zip_reference<[](double a, double b) { return a * b; }>,
    [](G c) -> L {
      return {c.wanted[0] ? to_input(c, 0, c.ct() * c.in(1)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, c.ct() * c.in(0)) : Tensor()};
    },
    samples_with_integers<-2.0, 2.0>, "Mul");

const OpDef div = binary_op(
    "div", infer_floating, zip_reference<[](double a, double b) { return a / b; }>,
    [](G c) -> L {
      return {c.wanted[0] ? to_input(c, 0, c.ct() / c.in(1)) : Tensor(),
              c.wanted[1] ? to_input(c, 1, -c.ct() * c.out() / c.in(1)) : Tensor()};
    },
    samples<0.5, 3.0>, "Div");

const OpDef pow = binary_op(
    "pow", infer_numeric, zip_reference<[](double a, double b) { return std::pow(a, b); }>,
    [](G c) -> L {
      const Tensor& a = c.in(0);
      const Tensor& b = c.in(1);
      Tensor da;
      Tensor db;
      if (c.wanted[0])
        da = to_input(c, 0, nacre::where(nacre::equal(b, 0), 0, c.ct() * b * nacre::pow(a, b - 1)));
      // d/db a^b = a^b log a; 0 where a is 0, as in PyTorch.
      if (c.wanted[1]) {
        const Tensor safe = nacre::where(a > 0, a, 1);
        db = to_input(c, 1, nacre::where(a > 0, c.ct() * c.out() * nacre::log(safe), 0));
      }
      return {da, db};
    },
    samples<0.3, 2.5>, "Pow");

const OpDef maximum = binary_op("maximum", infer_numeric, zip_reference<[](double a, double b) {
                                  return std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b);
                                }>,
                                vjp_extremum<true>, samples_with_integers<-2.0, 2.0>, "Max");

const OpDef minimum = binary_op("minimum", infer_numeric, zip_reference<[](double a, double b) {
                                  return std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b);
                                }>,
                                vjp_extremum<false>, samples_with_integers<-2.0, 2.0>, "Min");

const OpDef equal = binary_op("equal", infer_comparison,
                              zip_reference<[](double a, double b) { return double(a == b); }>,
                              nullptr, samples_with_integers<-2.0, 2.0>, "Equal");
const OpDef not_equal = binary_op("not_equal", infer_comparison,
                                  zip_reference<[](double a, double b) { return double(a != b); }>,
                                  nullptr, samples_with_integers<-2.0, 2.0>, "");
const OpDef less = binary_op("less", infer_comparison,
                             zip_reference<[](double a, double b) { return double(a < b); }>,
                             nullptr, samples_with_integers<-2.0, 2.0>, "Less");
const OpDef less_equal = binary_op("less_equal", infer_comparison,
                                   zip_reference<[](double a, double b) { return double(a <= b); }>,
                                   nullptr, samples_with_integers<-2.0, 2.0>, "LessOrEqual");
const OpDef greater = binary_op("greater", infer_comparison,
                                zip_reference<[](double a, double b) { return double(b < a); }>,
                                nullptr, samples_with_integers<-2.0, 2.0>, "Greater");
const OpDef greater_equal =
    binary_op("greater_equal", infer_comparison,
              zip_reference<[](double a, double b) { return double(b <= a); }>, nullptr,
              samples_with_integers<-2.0, 2.0>, "GreaterOrEqual");

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
    .reference =
        [](const ReferenceContext& c) {
          const std::vector<double> inputs[3] = {c.load(0), c.load(1), c.load(2)};
          std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
          BroadcastWalk walks[3] = {{c.in_shape(0), c.out_shape()},
                                    {c.in_shape(1), c.out_shape()},
                                    {c.in_shape(2), c.out_shape()}};
          for (double& v : out) {
            const auto at = [&](std::size_t i) {
              return inputs[i][static_cast<std::size_t>(walks[i].offset())];
            };
            v = at(0) != 0 ? at(1) : at(2);
            for (BroadcastWalk& walk : walks) walk.next();
          }
          c.store(0, out);
        },
    .onnx = "Where",
    .samples = []() -> std::vector<Sample> {
      const SampleInput mask{{boolean, {3, 7}}, 0, 1, Fill::booleans};
      return {
          {.inputs = {mask, {{f32, {3, 7}}}, {{f32, {3, 7}}}}},
          {.inputs = {mask, {{f32, {7}}}, {{f32, {}}}}},
          {.inputs = {mask, {{f64, {3, 1}}}, {{f64, {2, 3, 7}}}}},
          {.inputs = {
               mask, {{i32, {3, 7}}, 0, 9, Fill::integers}, {{i32, {7}}, 0, 9, Fill::integers}}}};
    },
    .elementwise = true,
};

}  // namespace op_defs
}  // namespace nacre
