// Statistics over axes, made of the reductions. No axes given means all; integers become f32.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct VarianceOptions {
  bool keep_dims = false;
  double correction = 0;  // divides by n - correction: 0 of a population, 1 of a sample
};
Tensor variance(const Operand& x, const Axes& axes = {}, const VarianceOptions& options = {});
// The square root of the variance, without overflow on the way; its gradient is 0 where it is 0.
Tensor standard_deviation(const Operand& x, const Axes& axes = {},
                          const VarianceOptions& options = {});

// The p-norm (sum |x|^p)^(1/p) of all elements along the axes; p may be infinite (the largest
// absolute value), minus infinite (the smallest) or 0 (how many are not zero). Powers do not
// overflow where the norm does not. The gradient at 0 is 0.
Tensor norm(const Operand& x, double p = 2, const Axes& axes = {}, bool keep_dims = false);

// How many elements are not zero, as i64.
Tensor count_nonzero(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

// Between which neighbours a quantile lies is decided by this, as in NumPy.
enum class Interpolation : std::uint8_t { linear, lower, higher, nearest, midpoint };
// The value below which a fraction q of the elements lies, q in [0, 1]; NaN where an element is
// NaN. Throws ValueError for other q.
Tensor quantile(const Operand& x, double q, const Axes& axes = {}, bool keep_dims = false,
                Interpolation interpolation = Interpolation::linear);
// The middle value, for an even count the mean of the two in the middle.
Tensor median(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

// The same with NaN left out: counted as 0, not counted, never the extreme.
Tensor nansum(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Tensor nanmean(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Tensor nanmax(const Operand& x, const Axes& axes = {}, bool keep_dims = false);
Tensor nanmin(const Operand& x, const Axes& axes = {}, bool keep_dims = false);

}  // namespace nacre
