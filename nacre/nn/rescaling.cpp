#include "nacre/nn/rescaling.h"

#include <fmt/format.h>

#include <cmath>

#include "nacre/ops/api.h"

namespace nacre::nn {

Rescaling::Rescaling(RescalingOptions options) : LayerBase("Rescaling"), options_(options) {
  if (!std::isfinite(options.scale) || !std::isfinite(options.offset) || options.scale == 0) {
    throw ValueError(
        fmt::format("Rescaling: scale {} and offset {}; they must be finite, the scale not 0",
                    options.scale, options.offset));
  }
}

Tensor Rescaling::operator()(const Operand& x) {
  const LayerCall call(*this);
  const Tensor input = is_floating(x.dtype()) ? x.tensor() : x.tensor().to(f32);
  return call.done(add({mul({input, x.at()}, options_.scale), x.at()}, options_.offset));
}

}  // namespace nacre::nn
