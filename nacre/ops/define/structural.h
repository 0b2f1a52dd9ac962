// Ops without arithmetic of their own: a graph's inputs, constants and constant fills.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// A tensor of the same shape and dtype filled with one value; traced where `like` is. Throws
// ValueError when an integer dtype does not hold the value.
Tensor full_like(const Operand& like, const Number& value);
// The same in another shape and dtype.
Tensor full_beside(const Operand& like, const Spec& spec, const Number& value);
inline Tensor zeros_like(const Operand& like) { return full_like(like, 0); }
inline Tensor ones_like(const Operand& like) { return full_like(like, 1); }

}  // namespace nacre
