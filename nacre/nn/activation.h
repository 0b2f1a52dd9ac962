// Activation: an elementwise (or softmax-like) function as a layer's option or as a layer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nacre/nn/layer.h"

namespace nacre::nn {

class Activation {
 public:
  // None: the identity.
  Activation() = default;
  // A function of the library: .activation = relu
  Activation(Tensor (*function)(const Operand&));
  Activation(Tensor (*function)(const Operand&, int));     // softmax: over the last axis
  Activation(Tensor (*function)(const Operand&, bool));    // gelu, exact
  Activation(Tensor (*function)(const Operand&, double));  // leaky_relu with its default
  // With its parameter: Activation(leaky_relu, 0.2).
  Activation(Tensor (*function)(const Operand&, double), double parameter);
  // By name: "relu", "tanh", "softmax", ... Throws ValueError that lists the names.
  Activation(const char* name);
  explicit Activation(const std::string& name) : Activation(name.c_str()) {}
  // Any other function of a tensor.
  template <class F>
  requires(std::is_class_v<F> && !std::is_same_v<F, Activation> &&
           !std::is_same_v<F, std::string> &&
           std::is_invocable_r_v<Tensor, const F&, const Tensor&>)
      Activation(F function)  // NOLINT: implicit
      : name_("custom") {
    require_callable(function, "activation");
    function_ = [f = std::move(function)](const Operand& x) { return f(x.tensor()); };
  }

  explicit operator bool() const { return static_cast<bool>(function_); }
  // "relu"; "custom" for a function of the user; "" for none.
  const std::string& name() const { return name_; }
  Tensor operator()(const Operand& x) const { return function_ ? function_(x) : x.tensor(); }

  static std::vector<std::string> names();

 private:
  std::string name_;
  std::function<Tensor(const Operand&)> function_;
};

// An activation as a layer of its own.
class ActivationLayer : public LayerBase {
 public:
  explicit ActivationLayer(Activation function)
      : LayerBase("Activation"), function_(std::move(function)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const Activation& function() const { return function_; }

 private:
  Activation function_;
};

// Activations as layers, by PyTorch's and Keras' names; ActivationLayer("relu") is the same.
inline ActivationLayer Identity() { return ActivationLayer("linear"); }           // NOLINT
inline ActivationLayer ReLU() { return ActivationLayer("relu"); }                 // NOLINT
inline ActivationLayer ReLU6() { return ActivationLayer("relu6"); }               // NOLINT
inline ActivationLayer Sigmoid() { return ActivationLayer("sigmoid"); }           // NOLINT
inline ActivationLayer Tanh() { return ActivationLayer("tanh"); }                 // NOLINT
inline ActivationLayer Softmax() { return ActivationLayer("softmax"); }           // NOLINT
inline ActivationLayer LogSoftmax() { return ActivationLayer("log_softmax"); }    // NOLINT
inline ActivationLayer Softplus() { return ActivationLayer("softplus"); }         // NOLINT
inline ActivationLayer Softsign() { return ActivationLayer("softsign"); }         // NOLINT
inline ActivationLayer GELU() { return ActivationLayer("gelu"); }                 // NOLINT
inline ActivationLayer SiLU() { return ActivationLayer("silu"); }                 // NOLINT
inline ActivationLayer Mish() { return ActivationLayer("mish"); }                 // NOLINT
inline ActivationLayer ELU() { return ActivationLayer("elu"); }                   // NOLINT
inline ActivationLayer SELU() { return ActivationLayer("selu"); }                 // NOLINT
inline ActivationLayer Hardswish() { return ActivationLayer("hard_swish"); }      // NOLINT
inline ActivationLayer Hardsigmoid() { return ActivationLayer("hard_sigmoid"); }  // NOLINT
ActivationLayer LeakyReLU(double slope = 0.01);                                   // NOLINT

}  // namespace nacre::nn
