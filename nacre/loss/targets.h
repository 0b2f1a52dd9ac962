// Bringing targets and weights into the shape of predictions; shared by losses and metrics.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// The target in the prediction's dtype and shape; [batch] against [batch, 1] is reshaped. Throws
// ShapeError that names both when their element counts differ.
Tensor like_prediction(const char* who, const Operand& prediction, const Tensor& target);
// The same for targets that are probabilities: those outside of [0, 1], NaN too, are a ValueError
// that names the row, when the step runs. A hundredth beyond is taken for rounding.
Tensor probabilities_like(const char* who, const Operand& prediction, const Tensor& target);
// The label of places that do not count, unless somebody says otherwise; as in PyTorch.
inline constexpr std::int64_t kIgnoreIndex = -100;
// Class numbers [batch, ...] from [batch, ...] or [batch, ..., 1], as i64. Throws ShapeError when
// they do not fit predictions [batch, ..., classes]. Floating ones are ValueErrors that name the
// row, when the step runs, unless each is the number of a class or `ignore`; of integers the op
// that reads them says so (one_hot_rows, softmax_cross_entropy).
Tensor class_numbers(const char* who, const Operand& prediction, const Tensor& target,
                     std::int64_t ignore = kIgnoreIndex);
// One-hot rows of `classes`; numbers outside throw ValueError when the op runs, but for
// kIgnoreIndex, whose row is all zero.
Tensor one_hot_rows(const Tensor& numbers, std::int64_t classes, DType dtype);
// Weights with trailing axes of size 1 so that they broadcast with `values`, in its dtype. Weights
// are one number a sample, or one for each leading part of the values' shape; trailing axes of size
// 1 too many are fine. Throws ShapeError for others.
Tensor spread_weights(const Tensor& weights, const Tensor& values, const Location& at = {});

}  // namespace nacre
