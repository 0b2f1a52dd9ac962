// Matrix products.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct MatmulOptions {
  bool transpose_a = false;  // swap a's last two axes
  bool transpose_b = false;
};
// a [..., m, k] times b [..., k, n] gives [..., m, n]; leading axes broadcast. A vector is a row on
// the left and a column on the right, as in NumPy.
Tensor matmul(const Operand& a, const Operand& b, const MatmulOptions& options = {});

}  // namespace nacre
