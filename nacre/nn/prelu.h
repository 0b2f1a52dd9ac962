// PReLU: a leaky ReLU that learns its slopes.
#pragma once

#include "nacre/nn/layer.h"

namespace nacre::nn {

struct PReluOptions {
  bool per_channel = true;  // one slope a channel (axis 1), or one for all
  double initial = 0.25;    // as in PyTorch
};
// He et al., "Delving deep into rectifiers", 2015. State: weight.
class PRelu : public LayerBase {
 public:
  explicit PRelu(PReluOptions options = {}) : LayerBase("PRelu"), options_(options) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor) { visitor.variable("weight", weight); }

  Variable weight;

 private:
  PReluOptions options_;
};

}  // namespace nacre::nn
