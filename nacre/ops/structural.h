// Ops without arithmetic of their own: a graph's inputs, constants and constant fills.
#pragma once

#include "nacre/ops/emit.h"

namespace nacre {

// A tensor of the same shape and dtype filled with one value; traced where `like` is.
Tensor full_like(const Operand& like, double value);
// The same in another shape and dtype.
Tensor full_beside(const Operand& like, const Spec& spec, double value);
inline Tensor zeros_like(const Operand& like) { return full_like(like, 0); }
inline Tensor ones_like(const Operand& like) { return full_like(like, 1); }

}  // namespace nacre
