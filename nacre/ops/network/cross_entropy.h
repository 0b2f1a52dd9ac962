// Losses of classification, an element each: reduce them with sum or mean.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct CrossEntropyOptions {
  int axis = -1;                     // of the classes
  double label_smoothing = 0;        // in [0, 1): this share of the target is spread evenly
  std::int64_t ignore_index = -100;  // positions with this label have loss and gradient 0
};

// -sum over classes of target * log(softmax(logits)), with the axis of the classes removed. Targets
// are integers (class numbers, without that axis) or probabilities (the shape of the logits). A
// label outside of [0, classes) that is not ignore_index is a ValueError when it is met.
Tensor softmax_cross_entropy(const Operand& logits, const Operand& targets,
                             const CrossEntropyOptions& options = {});

// -(w t log(sigmoid(x)) + (1 - t) log(1 - sigmoid(x))), computed so that no x overflows; w is
// positive_weight, which broadcasts.
Tensor binary_cross_entropy_with_logits(const Operand& logits, const Operand& targets,
                                        const Operand& positive_weight = 1);

}  // namespace nacre
