// Ops that change nothing but what is done with them: a gradient rule of the user's, and a barrier
// for the optimiser of graphs.
#pragma once

#include <functional>

#include "nacre/ops/define/emit.h"

namespace nacre {

// A gradient rule: inputs and outputs of a function and the gradients that arrive at its outputs
// (zeros where none does) give one gradient an input, of its spec; an undefined tensor means zero.
using GradientRule = std::function<Tensors(const Tensors& inputs, const Tensors& outputs,
                                           const Tensors& cotangents)>;

// A rule as attribute "rule" of custom_gradient and custom_gradients.
class GradientRulePayload final : public Payload {
 public:
  GradientRulePayload(std::string name, GradientRule rule)
      : name_(std::move(name)), rule_(std::move(rule)) {}
  const std::string& name() const { return name_; }
  const GradientRule& rule() const { return rule_; }
  std::size_t hash() const override { return reinterpret_cast<std::size_t>(this); }
  bool equal(const Payload& other) const override { return this == &other; }
  std::string text() const override { return name_; }

 private:
  std::string name_;
  GradientRule rule_;
};

// x itself, but passes over a graph neither look through it nor merge two of them: what is computed
// on one side is not taken for what is computed on the other.
Tensor optimization_barrier(const Operand& x);

}  // namespace nacre
