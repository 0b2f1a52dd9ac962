#include "tests/oracle/oracle.h"

namespace nacre::oracle {
namespace {

using Unary = Tensor (*)(const Operand&);
using Binary = Tensor (*)(const Operand&, const Operand&);

}  // namespace

void add_elementwise(Functions& f) {
  const std::map<std::string, Unary> unary = {{"neg", neg},
                                              {"abs", abs},
                                              {"exp", exp},
                                              {"expm1", expm1},
                                              {"exp2", exp2},
                                              {"sin", sin},
                                              {"cos", cos},
                                              {"tan", tan},
                                              {"sinh", sinh},
                                              {"cosh", cosh},
                                              {"tanh", tanh},
                                              {"asinh", asinh},
                                              {"acosh", acosh},
                                              {"atanh", atanh},
                                              {"asin", asin},
                                              {"acos", acos},
                                              {"atan", atan},
                                              {"erf", erf},
                                              {"erfc", erfc},
                                              {"erfinv", erfinv},
                                              {"sigmoid", sigmoid},
                                              {"log_sigmoid", log_sigmoid},
                                              {"relu", relu},
                                              {"relu6", relu6},
                                              {"square", square},
                                              {"silu", silu},
                                              {"mish", mish},
                                              {"selu", selu},
                                              {"softsign", softsign},
                                              {"hard_sigmoid", hard_sigmoid},
                                              {"log", log},
                                              {"log1p", log1p},
                                              {"log2", log2},
                                              {"log10", log10},
                                              {"sqrt", sqrt},
                                              {"rsqrt", rsqrt},
                                              {"reciprocal", reciprocal},
                                              {"hard_swish", hard_swish},
                                              {"lgamma", lgamma},
                                              {"digamma", digamma},
                                              {"sign", sign},
                                              {"floor", floor},
                                              {"ceil", ceil},
                                              {"round", round},
                                              {"trunc", trunc},
                                              {"is_nan", is_nan},
                                              {"is_inf", is_inf},
                                              {"is_finite", is_finite},
                                              {"logical_not", logical_not},
                                              {"bitwise_not", bitwise_not}};
  for (const auto& [name, function] : unary) {
    f[name] = [function = function](const Tensors& x, const Args&) { return function(x[0]); };
  }
  const std::map<std::string, Binary> binary = {{"add", add},
                                                {"sub", sub},
                                                {"mul", mul},
                                                {"div", div},
                                                {"pow", pow},
                                                {"maximum", maximum},
                                                {"minimum", minimum},
                                                {"atan2", atan2},
                                                {"hypot", hypot},
                                                {"logaddexp", logaddexp},
                                                {"copysign", copysign},
                                                {"squared_difference", squared_difference},
                                                {"xlogy", xlogy},
                                                {"floor_divide", floor_divide},
                                                {"remainder", remainder},
                                                {"fmod", fmod},
                                                {"equal", equal},
                                                {"not_equal", not_equal},
                                                {"less", less},
                                                {"less_equal", less_equal},
                                                {"greater", greater},
                                                {"greater_equal", greater_equal},
                                                {"logical_and", logical_and},
                                                {"logical_or", logical_or},
                                                {"logical_xor", logical_xor},
                                                {"bitwise_and", bitwise_and},
                                                {"bitwise_or", bitwise_or},
                                                {"bitwise_xor", bitwise_xor},
                                                {"shift_left", shift_left},
                                                {"shift_right", shift_right}};
  for (const auto& [name, function] : binary) {
    f[name] = [function = function](const Tensors& x, const Args&) { return function(x[0], x[1]); };
  }
  f["softplus"] = [](const Tensors& x, const Args&) { return softplus(x[0]); };
  f["hard_tanh"] = [](const Tensors& x, const Args&) { return hard_tanh(x[0]); };
  f["gelu"] = [](const Tensors& x, const Args&) { return gelu(x[0]); };
  f["gelu_tanh"] = [](const Tensors& x, const Args&) { return gelu(x[0], true); };
  f["leaky_relu"] = [](const Tensors& x, const Args& a) { return leaky_relu(x[0], a.at("slope")); };
  f["elu"] = [](const Tensors& x, const Args& a) { return elu(x[0], a.at("alpha")); };
  f["celu"] = [](const Tensors& x, const Args& a) { return celu(x[0], a.at("alpha")); };
  f["clamp"] = [](const Tensors& x, const Args& a) {
    return clamp(x[0], a.at("low").get<double>(), a.at("high").get<double>());
  };
  f["lerp"] = [](const Tensors& x, const Args& a) {
    return lerp(x[0], x[1], a.at("weight").get<double>());
  };
  f["where"] = [](const Tensors& x, const Args&) { return where(x[0], x[1], x[2]); };
}

}  // namespace nacre::oracle
