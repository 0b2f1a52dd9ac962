#include "nacre/loss/functions.h"

namespace nacre {

Tensor cross_entropy(const Operand& logits, const Operand& target) {
  const Tensor t = target.tensor();
  const bool distributions = is_floating(t.dtype()) && t.rank() == logits.tensor().rank();
  const loss::CrossentropyOptions options{.from_logits = true};
  const loss::Loss loss = distributions ? loss::categorical_crossentropy(options)
                                        : loss::sparse_categorical_crossentropy(options);
  return loss(logits, target);
}

}  // namespace nacre
