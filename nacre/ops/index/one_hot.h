// Class numbers as vectors.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct OneHotOptions {
  int axis = -1;  // where the new axis of size `classes` stands in the result
  DType dtype = f32;
  bool negative = false;  // -1 is the last class, as indices count; else it is out of range
};
// 1 at the place an integer names, 0 elsewhere. A number out of range, negative ones included,
// throws ValueError when the op runs, with its value, its place and the number of classes.
Tensor one_hot(const Operand& indices, std::int64_t classes, const OneHotOptions& options = {});

}  // namespace nacre
