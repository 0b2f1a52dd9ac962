// Bringing targets and weights into the shape of predictions; shared by losses and metrics.
#pragma once

#include "nacre/ops/operand.h"

namespace nacre {

// The target in the prediction's dtype and shape; [batch] against [batch, 1] is reshaped. Throws
// ShapeError that names both when their element counts differ.
Tensor like_prediction(const char* who, const Operand& prediction, const Tensor& target);
// Class numbers [batch, ...] from [batch, ...] or [batch, ..., 1], as i64. Throws ShapeError when
// they do not fit predictions [batch, ..., classes].
Tensor class_numbers(const char* who, const Operand& prediction, const Tensor& target);
// One-hot rows of `classes`; numbers outside throw ValueError when the op runs.
Tensor one_hot_rows(const Tensor& numbers, std::int64_t classes, DType dtype);
// Weights with trailing axes of size 1 so that they broadcast with `values`, in its dtype.
Tensor spread_weights(const Tensor& weights, const Tensor& values);

}  // namespace nacre
