// Ops that change nothing but what is done with them: a gradient rule of the user's, and a barrier
// for the optimiser of graphs.
#pragma once

#include <functional>

#include "nacre/ops/define/operand.h"

namespace nacre {

// A gradient rule: inputs and outputs of a function and the gradients that arrive at its outputs
// (zeros where none does) give one gradient an input, of its spec; an undefined tensor means zero.
using GradientRule = std::function<Tensors(const Tensors& inputs, const Tensors& outputs,
                                           const Tensors& cotangents)>;

// x itself, but passes over a graph neither look through it nor merge two of them: what is computed
// on one side is not taken for what is computed on the other.
Tensor optimization_barrier(const Operand& x);

}  // namespace nacre
