// Dropout by a key (ops/random/random.h); with a generator: run/generator.h.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// Each element becomes 0 with probability `rate` and x / (1 - rate) otherwise (inverted dropout,
// Srivastava et al., 2014). `noise_shape` makes whole slices share one decision: as many axes as x,
// each 1 (shared) or -1 or x's own size; {-1, -1, 1, 1} drops channels of an image. The gradient
// draws the mask again from the key, so none is stored. Throws ValueError for a rate outside [0, 1]
// and ShapeError for a noise_shape that does not fit.
Tensor dropout(const Operand& x, double rate, const Operand& key,
               const std::vector<std::int64_t>& noise_shape = {});
// Dropout for selu: dropped elements become its negative limit, and a scale and a shift keep mean
// and variance (Klambauer et al., 2017). rate in [0, 1).
Tensor alpha_dropout(const Operand& x, double rate, const Operand& key);

}  // namespace nacre
