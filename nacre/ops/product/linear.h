// The dense layer's product as one op.
#pragma once

#include "nacre/ops/product/matmul.h"

namespace nacre {

struct LinearOptions {
  bool transpose_a = false;  // swap a's last two axes
  bool transpose_b = false;
  std::string activation = "none";  // "none", "relu", "sigmoid", "tanh" or "gelu" (exact, by erf)
};
// activation(a b + bias): a [..., m, k], b [..., k, n] as in matmul, both at least rank 2; bias
// [n]. All have one floating dtype. Throws ShapeError, DTypeError, ValueError (unknown activation).
Tensor linear(const Operand& a, const Operand& b, const Operand& bias,
              const LinearOptions& options = {});

}  // namespace nacre
