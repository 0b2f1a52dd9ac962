// Dense: every output depends on every input.
#pragma once

#include "nacre/nn/activation.h"
#include "nacre/nn/field.h"
#include "nacre/nn/initializer.h"

namespace nacre::nn {

struct DenseOptions {
  std::int64_t units = 0;   // outputs, at least 1
  std::int64_t inputs = 0;  // features; 0: taken from the first input
  Activation activation = {};
  bool use_bias = true;
  Initializer weight_initializer = {};  // default: Glorot uniform, as in Keras
  Initializer bias_initializer = {};    // default: zeros, as in Keras

  template <class V>
  void each(V&& v) {
    v(Field{.name = "units", .least = 1, .needed = true}, units);
    v(Field{.name = "inputs", .implied = true}, inputs);
    v(Field{.name = "activation"}, activation);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "weight_initializer"}, weight_initializer);
    v(Field{.name = "bias_initializer"}, bias_initializer);
  }
};

// x [..., inputs] gives activation(x W^T + b) [..., units]; `weight` is W [units, inputs], `bias`
// is b [units], as in PyTorch's Linear.
class Dense : public LayerBase {
 public:
  // Throws ValueError when units < 1, or for an initializer of a bias that is left out.
  explicit Dense(DenseOptions options, Location at = std::source_location::current());
  // Dense(32), Dense(32, "relu"), Dense(32, {.use_bias = false}).
  explicit Dense(First units, DenseOptions options = {});
  Dense(First units, Activation activation)
      : Dense(units, DenseOptions{.activation = std::move(activation)}) {}

  // Throws ShapeError when the last axis is not `inputs`.
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);
  const DenseOptions& options() const { return options_; }

  Variable weight;
  Variable bias;

 private:
  void build(const LayerCall& call, const Operand& x);
  DenseOptions options_;
};

// PyTorch's: its sizes are those of both sides.
inline Dense Linear(First inputs, std::int64_t units, DenseOptions options = {}) {  // NOLINT
  options.inputs = inputs.value;
  return Dense(First(units, inputs.at), std::move(options));
}

}  // namespace nacre::nn
