// Joining tensors along an axis and taking them apart again.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// Several operands: a list in braces, or a vector of tensors.
class OperandList {
 public:
  OperandList(std::initializer_list<Operand> operands);
  OperandList(const Tensors& tensors, std::source_location at = std::source_location::current())
      : tensors_(tensors), at_(at) {}
  OperandList(const Tensors& tensors, const Location& at) : tensors_(tensors), at_(at) {}

  const Tensors& tensors() const { return tensors_; }
  const Location& at() const { return at_; }

 private:
  Tensors tensors_;
  Location at_;
};

// Tensors of equal shapes but for `axis`, one after the other along it. Dtypes promote. Throws
// ValueError for an empty list, ShapeError for shapes that do not fit.
Tensor concatenate(const OperandList& tensors, int axis = 0);
// Tensors of equal shapes along a new axis at place `axis` of the result.
Tensor stack(const OperandList& tensors, int axis = 0);

// Parts of the given sizes, which add up to the axis.
Tensors split(const Operand& x, const std::vector<std::int64_t>& sizes, int axis = 0);
// `parts` parts of equal size; ShapeError when the axis does not divide.
Tensors split(const Operand& x, int parts, int axis = 0);
// At most `parts` parts of equal size, the last may be smaller (as PyTorch's chunk).
Tensors chunk(const Operand& x, int parts, int axis = 0);
// The slices along an axis, without it.
Tensors unstack(const Operand& x, int axis = 0);

}  // namespace nacre
