// Connectionist temporal classification as a loss: the op, divided by the number of labels.
#include "nacre/loss/loss.h"
#include "nacre/ops/api.h"

namespace nacre::loss {

Loss ctc(const CtcLossOptions& o) {
  return {
      "ctc", [o](const Operand& prediction, const Tensor& target) {
        const Tensor labels = target.to(i64);
        const Tensor values = ctc_loss(prediction, {labels, prediction.at()}, {.blank = o.blank});
        const Tensor count = sum(greater_equal(labels, 0).to(values.dtype()), {1});
        const Tensor each = values / maximum(count, 1);
        if (!o.zero_infinity) return each;
        return where(is_inf(values), zeros_like(each), each);
      }};
}

}  // namespace nacre::loss
