// linear {transpose_a, transpose_b, activation}: matmul, bias and activation in one step.
#include "nacre/ops/product/linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"

namespace nacre {

Tensor linear(const Operand& a, const Operand& b, const Operand& bias,
              const LinearOptions& options) {
  return emit_one(Op::linear,
                  {{"transpose_a", options.transpose_a},
                   {"transpose_b", options.transpose_b},
                   {"activation", options.activation}},
                  {a.tensor(), b.tensor(), bias.tensor()}, a.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

constexpr std::array<std::string_view, 5> kActivations = {"none", "relu", "sigmoid", "tanh",
                                                          "gelu"};

SpecList infer_linear(const InferContext& c) {
  c.expect_inputs(3);
  c.expect_same_dtype();
  c.expect_floating(0);
  const std::string& activation = c.attrs.text("activation");
  if (std::find(kActivations.begin(), kActivations.end(), activation) == kActivations.end()) {
    c.fail_value(fmt::format("unknown activation \"{}\"", activation),
                 fmt::format("one of {}", fmt::join(kActivations, ", ")));
  }
  const SpecList out = matmul.infer({c.op, c.attrs, c.inputs.first(2), c.location});
  const Shape& bias = c.inputs[2].shape;
  const std::int64_t n = out[0].shape.at_back(-1);
  if (bias.rank() != 1 || bias[0] != n) {
    c.fail_shape(fmt::format("the bias is {}, [{}] expected", to_string(bias), n),
                 "one number for each column of the product");
  }
  return out;
}

double activate(std::string_view name, double x) {
  if (name == "relu") return 0 < x ? x : 0 * x;
  if (name == "sigmoid") return 1 / (1 + std::exp(-x));
  if (name == "tanh") return std::tanh(x);
  if (name == "gelu") return 0.5 * x * (1 + std::erf(x * 0.7071067811865476));
  return x;
}

void reference_linear(const ReferenceContext& c) {
  const std::size_t count = static_cast<std::size_t>(c.out_shape().elements());
  std::vector<double> product(count);
  void* const target = product.data();
  const Spec wide{f64, c.out_shape()};
  matmul.reference({c.attrs, c.in_specs.first(2), {&wide, 1}, c.in, &target});
  const std::vector<double> bias = c.load(2);
  const std::string& activation = c.attrs.text("activation");
  for (std::size_t i = 0; i < count; ++i) {
    product[i] = activate(activation, product[i] + bias[i % bias.size()]);
  }
  c.store(0, product);
}

// The cotangent before the activation, from what the output tells (gelu needs its input again).
Tensor through_activation(G c) {
  const std::string& activation = c.attrs.text("activation");
  const Tensor ct = c.ct();
  const Tensor& y = c.out();
  if (activation == "relu") return nacre::where(y > 0, ct, 0);
  if (activation == "sigmoid") return ct * y * (1 - y);
  if (activation == "tanh") return ct * (1 - nacre::square(y));
  if (activation == "gelu") {
    const Tensor x = nacre::matmul(c.in(0), c.in(1),
                                   {.transpose_a = c.attrs.flag("transpose_a"),
                                    .transpose_b = c.attrs.flag("transpose_b")}) +
                     c.in(2);
    // d/dx x P(x) = P(x) + x p(x), with P and p the normal distribution and density; P = y / x.
    const Tensor is_zero = nacre::equal(x, 0);
    const Tensor distribution = nacre::where(is_zero, 0.5, y / nacre::where(is_zero, 1, x));
    const Tensor density = nacre::exp(nacre::square(x) * -0.5) * 0.3989422804014327;
    return ct * (distribution + x * density);
  }
  return ct;
}

L vjp_linear(G c) {
  const Tensor before = through_activation(c);
  const std::array<Tensor, 1> product = {c.out()};
  const std::array<Tensor, 1> cotangent = {before};
  L gradients = matmul.vjp({c.attrs, c.inputs.first(2), product, cotangent, c.wanted.first(2)});
  gradients.push_back(c.wanted[2] ? sum_to(before, c.in(2).shape()) : Tensor());
  return gradients;
}

std::vector<Sample> samples_linear() {
  std::vector<Sample> list;
  const auto add = [&](Shape a, Shape b, std::int64_t n, bool ta, bool tb, const char* activation,
                       DType d = f32) {
    list.push_back(
        {.inputs = {{{d, a}}, {{d, b}}, {{d, {n}}}},
         .attrs = {
             {"transpose_a", ta}, {"transpose_b", tb}, {"activation", std::string(activation)}}});
  };
  add({3, 5}, {5, 7}, 7, false, false, "none");
  add({33, 17}, {17, 65}, 65, false, false, "relu");
  add({3, 5}, {7, 5}, 7, false, true, "sigmoid");
  add({5, 3}, {5, 7}, 7, true, false, "tanh");
  add({1, 9}, {9, 33}, 33, false, false, "gelu");
  add({2, 3, 5}, {5, 4}, 4, false, false, "relu");
  add({5, 3}, {2, 7, 5}, 7, true, true, "gelu", f64);
  return list;
}

}  // namespace

const OpDef linear = {
    .name = "linear",
    .infer = infer_linear,
    .vjp = vjp_linear,
    .reference = reference_linear,
    .cost =
        [](const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
          Cost cost = matmul.cost(attrs, in.first(2), out);
          cost.operations += 2.0 * static_cast<double>(out[0].elements());
          cost.bytes += static_cast<double>(in[2].bytes());
          return cost;
        },
    .onnx = "Gemm",
    .samples = samples_linear,
};

}  // namespace op_defs
}  // namespace nacre
