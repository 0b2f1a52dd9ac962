// Class numbers as vectors.
#pragma once

#include "nacre/ops/emit.h"

namespace nacre {

struct OneHotOptions {
  int axis = -1;  // where the new axis of size `classes` stands in the result
  DType dtype = f32;
};
// 1 at the place an integer names, 0 elsewhere. Negative numbers count from the back; others
// outside of 0..classes-1 throw ValueError when the op runs.
Tensor one_hot(const Operand& indices, std::int64_t classes, const OneHotOptions& options = {});

}  // namespace nacre
