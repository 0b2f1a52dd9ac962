// Ops that move elements and compute nothing.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// The same elements under another shape, without a copy. One dimension may be -1: it is inferred.
Tensor reshape(const Operand& x, const std::vector<std::int64_t>& dims);
Tensor reshape(const Operand& x, std::initializer_list<std::int64_t> dims);
Tensor reshape(const Operand& x, const Shape& shape);
// Permutes the axes; no axes given means their reverse.
Tensor transpose(const Operand& x, const Axes& axes = {});
// Repeats axes of size 1 (NumPy's rule) to reach `shape`.
Tensor broadcast_to(const Operand& x, const Shape& shape);
// Inserts axes of size 1 at the given places of the result.
Tensor expand_dims(const Operand& x, const Axes& axes);
// Removes axes of size 1; all of them when none are given.
Tensor squeeze(const Operand& x, const Axes& axes = {});

}  // namespace nacre
