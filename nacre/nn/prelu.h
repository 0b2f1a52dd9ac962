// PReLU: a leaky ReLU that learns its slopes.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct PReLUOptions {
  bool per_channel = true;  // one slope a channel (axis 1), or one for all
  double initial = 0.25;    // as in PyTorch

  template <class V>
  void each(V&& v) {
    v(Field{.name = "per_channel"}, per_channel);
    v(Field{.name = "initial"}, initial);
  }
};
// He et al., "Delving deep into rectifiers", 2015. State: weight.
class PReLU : public LayerBase {
 public:
  PReLU() : PReLU(PReLUOptions{}) {}
  explicit PReLU(PReLUOptions options) : LayerBase("PReLU"), options_(options) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor) { visitor.variable("weight", weight); }

  Variable weight;
  const PReLUOptions& options() const { return options_; }

 private:
  PReLUOptions options_;
};

}  // namespace nacre::nn
