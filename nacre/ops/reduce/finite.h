// Looking for numbers that are not finite.
#pragma once

#include "nacre/ops/shape/concat.h"

namespace nacre {

// The place (from 0) of the first tensor of the list that holds an infinity or NaN, or -1: an i64
// scalar. Reads all of them in one step; `offset` is added to the place. Tensors of integers are
// always finite.
Tensor first_non_finite(const OperandList& tensors, std::int64_t offset = 0);

}  // namespace nacre
