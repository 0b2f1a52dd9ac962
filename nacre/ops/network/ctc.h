// Connectionist temporal classification: how probable a row of labels is when each may last several
// steps and blanks may stand between them.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct CtcOptions {
  std::int64_t blank = 0;  // the class that stands for no label
};

// Graves et al., "Connectionist temporal classification", 2006: for each sequence minus the log of
// the sum over all paths, f [batch], by the forward recursion in the log domain and in double.
//   logits [batch, time, classes]: unnormalised; the softmax is part of it
//   labels i32 or i64 [batch, length]: class numbers; from the first negative one on a row is
//   padding steps  i64 [batch]: how many of the time steps of a sequence count; all when undefined
// Infinite (with gradient 0) where no path fits: fewer steps than labels plus blanks between equal
// neighbours. A label that is the blank or no class, and steps outside of 1..time, are ValueErrors
// when they are met. It has a first gradient only.
Tensor ctc_loss(const Operand& logits, const Operand& labels, const CtcOptions& options = {},
                const Tensor& steps = {});

}  // namespace nacre
