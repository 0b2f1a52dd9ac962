// Class numbers as vectors.
#pragma once

#include "nacre/ops/emit.h"

namespace nacre {

struct OneHotOptions {
  int axis = -1;  // where the new axis of size `classes` stands in the result
  DType dtype = f32;
  bool negative = true;  // negative numbers count from the back; otherwise there are none
};
// 1 at the place an integer names, 0 elsewhere. Numbers out of range throw ValueError when the op
// runs.
Tensor one_hot(const Operand& indices, std::int64_t classes, const OneHotOptions& options = {});

}  // namespace nacre
