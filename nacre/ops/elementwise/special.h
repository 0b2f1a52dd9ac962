// Special functions, elementwise; integers are taken as f32.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

Tensor erf(const Operand& x);
Tensor erfc(const Operand& x);    // 1 - erf(x), exact for large x
Tensor erfinv(const Operand& x);  // the inverse of erf on (-1, 1); infinite at -1 and 1
Tensor lgamma(const Operand& x);  // log |Gamma(x)|
Tensor digamma(const Operand& x);
// The n-th derivative of digamma, n >= 1 (n = 1: trigamma). Poles at 0, -1, -2, ...; beyond n = 1
// only x > -10,000. Throws ValueError for n < 1.
Tensor polygamma(int n, const Operand& x);
Tensor logit(const Operand& x);  // log(x / (1 - x)), the inverse of sigmoid

}  // namespace nacre
