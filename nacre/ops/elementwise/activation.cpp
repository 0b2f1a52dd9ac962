// Activation functions: ops with gradients in closed form, and functions made of ops.
#include "nacre/ops/elementwise/activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <numbers>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/elementwise/special.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Operand floating(const Operand& x) {
  return {as_dtype(x, is_floating(x.dtype()) ? x.dtype() : f32), x.at()};
}

void expect_not_negative(std::string_view op, double lambda, const Operand& x) {
  if (lambda >= 0) return;
  throw ValueError(format_error({.op = op,
                                 .what = fmt::format("lambda {} is negative", lambda),
                                 .inputs = "input " + to_string(x.tensor().spec()),
                                 .layer = layer_path(),
                                 .location = x.at(),
                                 .hint = "lambda is the half width of the zone that becomes 0"}));
}

// clamp with the gradient 0 at the bounds, as PyTorch's hard functions have it.
Tensor hard_clamp(const Operand& x, double low, double high) {
  return emit_floating(Op::clamp, x, {{"low", low}, {"high", high}, {"open", true}});
}

Tensor scaled_elu(const Operand& x, double alpha, double scale, double input_scale) {
  return emit_floating(Op::elu, x,
                       {{"alpha", alpha}, {"scale", scale}, {"input_scale", input_scale}});
}

}  // namespace

Tensor relu(const Operand& x) { return emit_same(Op::relu, x); }
Tensor relu6(const Operand& x) {
  return is_floating(x.dtype()) ? hard_clamp(x, 0, 6) : clamp(x, 0, 6);
}
Tensor leaky_relu(const Operand& x, double slope) {
  return emit_floating(Op::leaky_relu, x, {{"slope", slope}});
}

Tensor prelu(const Operand& x, const Operand& weight) {
  const Operand t = floating(x);
  Tensor w = as_dtype(weight, t.dtype());
  const Shape& shape = t.tensor().shape();
  if (w.elements() == 1) {
    w = reshape({w, x.at()}, Shape{});
  } else {
    const int axis = std::min(1, shape.rank() - 1);
    if (w.rank() != 1 || shape.rank() == 0 || w.shape()[0] != shape[axis]) {
      throw ShapeError(
          format_error({.op = "prelu",
                        .what = shape.rank() == 0 ? "several slopes for a scalar"
                                                  : fmt::format("{} slopes for {} channels",
                                                                to_string(w.shape()), shape[axis]),
                        .inputs = fmt::format("left {}, right {}", to_string(t.tensor().spec()),
                                              to_string(w.spec())),
                        .layer = layer_path(),
                        .location = x.at(),
                        .hint = "give one slope, or one for each channel (axis 1 of the input)"}));
    }
    std::vector<std::int64_t> dims(static_cast<std::size_t>(shape.rank()), 1);
    dims[static_cast<std::size_t>(axis)] = w.elements();
    w = reshape({w, x.at()}, Shape(dims));
  }
  return where({greater(t, 0), x.at()}, t, mul({w, x.at()}, t));
}

Tensor elu(const Operand& x, double alpha) { return scaled_elu(x, alpha, 1, 1); }
Tensor selu(const Operand& x) {
  return scaled_elu(x, 1.6732632423543772848, 1.0507009873554804934, 1);
}
Tensor celu(const Operand& x, double alpha) { return scaled_elu(x, alpha, 1, 1 / alpha); }

Tensor sigmoid(const Operand& x) { return emit_floating(Op::sigmoid, x); }
Tensor log_sigmoid(const Operand& x) { return neg({softplus({neg(floating(x)), x.at()}), x.at()}); }
Tensor softplus(const Operand& x, double beta) {
  return emit_floating(Op::softplus, x, {{"beta", beta}});
}
Tensor softsign(const Operand& x) { return div(x, {add({abs(x), x.at()}, 1), x.at()}); }
Tensor gelu(const Operand& x, bool approximate) {
  return emit_floating(Op::gelu, x, {{"approximate", approximate}});
}
Tensor silu(const Operand& x) { return emit_floating(Op::silu, x); }
Tensor mish(const Operand& x) {
  const Operand t = floating(x);
  return mul(t, {tanh({softplus(t), x.at()}), x.at()});
}

Tensor hard_sigmoid(const Operand& x) {
  return hard_clamp({add({mul(floating(x), 1.0 / 6), x.at()}, 0.5), x.at()}, 0, 1);
}
Tensor hard_swish(const Operand& x) {
  const Operand t = floating(x);
  return mul(t, {hard_sigmoid(t), x.at()});
}
Tensor hard_tanh(const Operand& x, double low, double high) { return hard_clamp(x, low, high); }
Tensor hard_shrink(const Operand& x, double lambda) {
  expect_not_negative("hard_shrink", lambda, x);
  const Operand t = floating(x);
  return where({less_equal({abs(t), x.at()}, lambda), x.at()}, 0, t);
}
Tensor soft_shrink(const Operand& x, double lambda) {
  expect_not_negative("soft_shrink", lambda, x);
  const Operand t = floating(x);
  return sub(t, {clamp(t, -lambda, lambda), x.at()});
}
Tensor tanh_shrink(const Operand& x) {
  const Operand t = floating(x);
  return sub(t, {tanh(t), x.at()});
}
Tensor threshold(const Operand& x, double limit, double value) {
  const Operand t = floating(x);
  return where({greater(t, limit), x.at()}, t, value);
}

namespace op_defs {
namespace {

using std::numbers::inv_sqrtpi;
using std::numbers::sqrt2;

// sqrt(2 / pi) and the cubic coefficient of the tanh form.
constexpr double kGeluScale = sqrt2 * inv_sqrtpi;
constexpr double kGeluCubic = 0.044715;

// A reference whose function takes attributes: make(attrs) gives double -> double.
template <auto Make>
void map_with_attrs(const ReferenceContext& c) {
  const auto f = Make(c.attrs);
  std::vector<double> x = c.load(0);
  for (double& v : x) v = f(v);
  c.store(0, x);
}

std::vector<Sample> with_attrs(std::vector<Sample> list, const std::vector<Attrs>& choices) {
  std::vector<Sample> out;
  for (const Attrs& attrs : choices) {
    for (Sample s : list) {
      s.attrs = attrs;
      out.push_back(s);
    }
  }
  return out;
}

// What gelu's slopes are computed at: beyond, they are 0 or 1 in every dtype, and the squares of x
// would overflow in narrow ones.
Tensor within_slope(const Tensor& x) { return nacre::clamp(x, -40, 40); }

Tensor vjp_gelu_exact(const Tensor& ct, const Tensor& given) {
  const Tensor x = within_slope(given);
  const Tensor area = 0.5 * (1 + nacre::erf(x * (1 / sqrt2)));
  const Tensor density = (inv_sqrtpi / sqrt2) * nacre::exp(-0.5 * nacre::square(x));
  return ct * (area + x * density);
}

Tensor vjp_gelu_tanh(const Tensor& ct, const Tensor& given) {
  const Tensor x = within_slope(given);
  const Tensor x2 = nacre::square(x);
  const Tensor t = nacre::tanh(kGeluScale * x * (1 + kGeluCubic * x2));
  const Tensor slope = kGeluScale * (1 + 3 * kGeluCubic * x2);
  return ct * 0.5 * ((1 + t) + x * (1 - nacre::square(t)) * slope);
}

}  // namespace

const OpDef relu = unary_op(
    "relu", infer_number, map_exactly<[](auto x) -> decltype(x) { return x <= 0 ? 0 : x; }>,
    [](G c) -> L { return {nacre::where(c.out() > 0, c.ct(), 0)}; }, number_samples<-2.0, 2.0>,
    "Relu");

const OpDef sigmoid = unary_op(
    "sigmoid", infer_floating, map_reference<[](double x) { return 1 / (1 + std::exp(-x)); }>,
    [](G c) -> L { return {c.ct() * c.out() * (1 - c.out())}; }, samples<-4.0, 4.0>, "Sigmoid");

const OpDef silu = unary_op(
    "silu", infer_floating, map_reference<[](double x) { return x / (1 + std::exp(-x)); }>,
    [](G c) -> L {
      const Tensor s = nacre::sigmoid(c.in(0));
      return {c.ct() * (s + c.in(0) * s * (1 - s))};
    },
    samples<-4.0, 4.0>, "");

// {slope}
const OpDef leaky_relu = unary_op(
    "leaky_relu", infer_floating, map_with_attrs<[](const Attrs& attrs) {
      return [slope = attrs.number("slope")](double x) { return 0 < x ? x : slope * x; };
    }>,
    [](G c) -> L { return {nacre::where(c.in(0) > 0, c.ct(), c.ct() * c.attrs.number("slope"))}; },
    [] {
      return with_attrs(one_input_samples(-2, 2), {{{"slope", 0.01}}, {{"slope", 0.3}}});
    },
    "LeakyRelu");

// scale * (x > 0 ? x : alpha * (exp(input_scale * x) - 1)): {alpha, scale, input_scale}.
const OpDef elu = unary_op(
    "elu",
    [](const InferContext& c) -> SpecList {
      if (!std::isfinite(c.attrs.number("input_scale"))) {
        c.fail_value("alpha is 0", "celu divides by alpha; relu(x) is its limit");
      }
      return infer_floating(c);
    },
    map_with_attrs<[](const Attrs& attrs) {
      return [alpha = attrs.number("alpha"), scale = attrs.number("scale"),
              input_scale = attrs.number("input_scale")](double x) {
        return scale * (0 < x ? x : alpha * std::expm1(x * input_scale));
      };
    }>,
    [](G c) -> L {
      const double scale = c.attrs.number("scale");
      const double input_scale = c.attrs.number("input_scale");
      // The minimum keeps exp from overflowing where its result is not used.
      const Tensor falling = nacre::exp(nacre::minimum(c.in(0), 0) * input_scale);
      return {c.ct() * nacre::where(c.in(0) > 0, scale,
                                    falling * (scale * c.attrs.number("alpha") * input_scale))};
    },
    [] {
      return with_attrs(one_input_samples(-3, 3),
                        {{{"alpha", 1.0}, {"scale", 1.0}, {"input_scale", 1.0}},
                         {{"alpha", 1.7}, {"scale", 1.05}, {"input_scale", 1.0}},
                         {{"alpha", 2.0}, {"scale", 1.0}, {"input_scale", 0.5}}});
    },
    "Elu");

// {beta}
const OpDef softplus = unary_op(
    "softplus",
    [](const InferContext& c) -> SpecList {
      if (!(c.attrs.number("beta") > 0)) {
        c.fail_value(fmt::format("beta {} is not positive", c.attrs.number("beta")),
                     "beta 1 gives log(1 + exp(x)); a larger one comes closer to relu");
      }
      return infer_floating(c);
    },
    map_with_attrs<[](const Attrs& attrs) {
      return [beta = attrs.number("beta")](double x) {
        return std::isnan(x) ? x
                             : std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(beta * x))) / beta;
      };
    }>,
    [](G c) -> L {
      const double beta = c.attrs.number("beta");
      return {c.ct() * nacre::sigmoid(beta == 1 ? c.in(0) : c.in(0) * beta)};
    },
    [] {
      return with_attrs(one_input_samples(-4, 4), {{{"beta", 1.0}}, {{"beta", 2.5}}});
    },
    "Softplus");

// {approximate}
const OpDef gelu = unary_op(
    "gelu", infer_floating, map_with_attrs<[](const Attrs& attrs) {
      return [approximate = attrs.flag("approximate")](double x) {
        if (approximate) {
          return 0.5 * x * (1 + std::tanh(kGeluScale * x * (1 + kGeluCubic * x * x)));
        }
        return 0.5 * x * std::erfc(-x / sqrt2);
      };
    }>,
    [](G c) -> L {
      return {c.attrs.flag("approximate") ? vjp_gelu_tanh(c.ct(), c.in(0))
                                          : vjp_gelu_exact(c.ct(), c.in(0))};
    },
    [] {
      return with_attrs(one_input_samples(-4, 4),
                        {{{"approximate", false}}, {{"approximate", true}}});
    },
    "Gelu");

}  // namespace op_defs
}  // namespace nacre
