// Softmax and its relatives.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// exp(x) / sum(exp(x)) along an axis, computed with the maximum taken out.
Tensor softmax(const Operand& x, int axis = -1);
// log(softmax(x)), without forming the softmax.
Tensor log_softmax(const Operand& x, int axis = -1);

}  // namespace nacre
