// Connectionist temporal classification as a loss: the op, divided by the number of labels.
#include "nacre/loss/loss.h"
#include "nacre/ops/api.h"

namespace nacre::loss {
namespace {

// Labels that come as floats must be whole; the op looks at the rest.
Tensor labels_of(const Operand& prediction, const Tensor& target) {
  if (!is_floating(target.dtype()) || prediction.tensor().rank() < 1) return target;
  const std::int64_t classes = prediction.tensor().size(-1);
  Expectation expected = expected_classes("ctc", classes);
  expected.what += " or a negative one, which ends the row,";
  expected.low = -2147483648.0;
  return expect_elements({target, prediction.at()}, expected);
}

}  // namespace

Loss ctc(const CtcLossOptions& o) {
  return {
      "ctc", [o](const Operand& prediction, const Tensor& target) {
        const Tensor labels = labels_of(prediction, target).to(i64);
        const Tensor values = ctc_loss(prediction, {labels, prediction.at()}, {.blank = o.blank});
        const Tensor count = sum(greater_equal(labels, 0).to(values.dtype()), {1});
        const Tensor each = values / maximum(count, 1);
        if (!o.zero_infinity) return each;
        return where(is_inf(values), zeros_like(each), each);
      }};
}

}  // namespace nacre::loss
