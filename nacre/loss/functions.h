// Losses as functions of predictions and targets, by PyTorch's names: means over all samples.
#pragma once

#include "nacre/loss/loss.h"

namespace nacre {

inline Tensor mse_loss(const Operand& prediction, const Operand& target) {
  return loss::mse()(prediction, target);
}
inline Tensor l1_loss(const Operand& prediction, const Operand& target) {
  return loss::mae()(prediction, target);
}
inline Tensor huber_loss(const Operand& prediction, const Operand& target, double delta = 1) {
  return loss::huber(delta)(prediction, target);
}
inline Tensor smooth_l1_loss(const Operand& prediction, const Operand& target) {
  return loss::huber(1)(prediction, target);
}
// Of logits [batch, classes...] along the last axis, with class numbers or distributions; labels of
// -100 do not count.
Tensor cross_entropy(const Operand& logits, const Operand& target);
// Of log-probabilities.
inline Tensor nll_loss(const Operand& log_probabilities, const Operand& target) {
  return loss::nll()(log_probabilities, target);
}
inline Tensor binary_cross_entropy(const Operand& probabilities, const Operand& target) {
  return loss::binary_crossentropy()(probabilities, target);
}

}  // namespace nacre
