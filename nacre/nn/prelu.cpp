#include "nacre/nn/prelu.h"

#include "nacre/ops/elementwise/activation.h"

namespace nacre::nn {

Tensor PReLU::operator()(const Operand& given) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  if (!weight.defined()) {
    const Tensor input = x.tensor();
    const std::int64_t slopes = !options_.per_channel || input.rank() < 1 ? 1
                                : input.rank() == 1                       ? input.size(0)
                                                                          : input.size(1);
    define_variable(weight, full({slopes}, options_.initial, input.dtype()), "weight");
  }
  return call.done(prelu(x, weight));
}

}  // namespace nacre::nn
