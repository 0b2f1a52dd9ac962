#include "nacre/nn/activation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nacre/base/text.h"
#include "nacre/ops/api.h"

namespace nacre::nn {
namespace {

struct Known {
  std::string_view name;
  Tensor (*apply)(const Operand&);
};
// Those with a parameter have its default.
constexpr Known kKnown[] = {
    {"linear", [](const Operand& x) { return x.tensor(); }},
    {"relu", [](const Operand& x) { return relu(x); }},
    {"relu6", [](const Operand& x) { return relu6(x); }},
    {"leaky_relu", [](const Operand& x) { return leaky_relu(x); }},
    {"elu", [](const Operand& x) { return elu(x); }},
    {"selu", [](const Operand& x) { return selu(x); }},
    {"celu", [](const Operand& x) { return celu(x); }},
    {"sigmoid", [](const Operand& x) { return sigmoid(x); }},
    {"log_sigmoid", [](const Operand& x) { return log_sigmoid(x); }},
    {"tanh", [](const Operand& x) { return tanh(x); }},
    {"exponential", [](const Operand& x) { return exp(x); }},
    {"softplus", [](const Operand& x) { return softplus(x); }},
    {"softsign", [](const Operand& x) { return softsign(x); }},
    {"gelu", [](const Operand& x) { return gelu(x); }},
    {"silu", [](const Operand& x) { return silu(x); }},
    {"mish", [](const Operand& x) { return mish(x); }},
    {"hard_sigmoid", [](const Operand& x) { return hard_sigmoid(x); }},
    {"hard_swish", [](const Operand& x) { return hard_swish(x); }},
    {"hard_tanh", [](const Operand& x) { return hard_tanh(x); }},
    {"softmax", [](const Operand& x) { return softmax(x); }},
    {"log_softmax", [](const Operand& x) { return log_softmax(x); }},
};

// The library's functions as users write them, to find their names.
std::string name_of_function(Tensor (*f)(const Operand&)) {
  const std::pair<Tensor (*)(const Operand&), const char*> known[] = {
      {relu, "relu"},
      {relu6, "relu6"},
      {selu, "selu"},
      {sigmoid, "sigmoid"},
      {log_sigmoid, "log_sigmoid"},
      {tanh, "tanh"},
      {exp, "exponential"},
      {softsign, "softsign"},
      {silu, "silu"},
      {mish, "mish"},
      {hard_sigmoid, "hard_sigmoid"},
      {hard_swish, "hard_swish"},
  };
  for (const auto& [function, name] : known) {
    if (function == f) return name;
  }
  return "custom";
}

}  // namespace

Activation::Activation(Tensor (*function)(const Operand&))
    : name_(name_of_function(function)), function_(function) {}

Activation::Activation(Tensor (*function)(const Operand&, int))
    : name_(function == static_cast<Tensor (*)(const Operand&, int)>(softmax)       ? "softmax"
            : function == static_cast<Tensor (*)(const Operand&, int)>(log_softmax) ? "log_softmax"
                                                                                    : "custom"),
      function_([function](const Operand& x) { return function(x, -1); }) {}

Activation::Activation(Tensor (*function)(const Operand&, double), double parameter)
    : name_("custom"),
      function_([function, parameter](const Operand& x) { return function(x, parameter); }) {}

Activation::Activation(Tensor (*function)(const Operand&, double)) {
  const std::pair<Tensor (*)(const Operand&, double), const char*> known[] = {
      {leaky_relu, "leaky_relu"}, {elu, "elu"}, {celu, "celu"}, {softplus, "softplus"}};
  for (const auto& [f, name] : known) {
    if (f != function) continue;
    *this = Activation(name);
    return;
  }
  throw ValueError("activation: give the function's parameter: Activation(function, value)");
}

Activation::Activation(Tensor (*function)(const Operand&, bool)) {
  if (function != static_cast<Tensor (*)(const Operand&, bool)>(gelu)) {
    throw ValueError("activation: wrap a function with a flag in a lambda");
  }
  *this = Activation("gelu");
}

Activation::Activation(const char* name) : name_(name) {
  const Known& known = named_row("activation", name, kKnown);
  if (name_ != "linear") function_ = known.apply;
}

std::vector<std::string> Activation::names() {
  std::vector<std::string> out;
  for (const Known& known : kKnown) out.emplace_back(known.name);
  return out;
}

ActivationLayer LeakyReLU(double slope) {
  if (slope == 0.01) return ActivationLayer("leaky_relu");
  return ActivationLayer(Activation(leaky_relu, slope));
}

Tensor ActivationLayer::operator()(const Operand& x) {
  const LayerCall call(*this);
  return call.done(function_(x));
}

}  // namespace nacre::nn
