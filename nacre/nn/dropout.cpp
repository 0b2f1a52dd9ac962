#include "nacre/nn/dropout.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"
#include "nacre/run/generator.h"

namespace nacre::nn {

Dropout::Dropout(std::string kind, DropoutOptions options)
    : LayerBase(std::move(kind)), options_(options) {
  if (!(options.rate >= 0 && options.rate < 1)) {
    throw ValueError(fmt::format("{}: rate {} is not in [0, 1)", this->kind(), options.rate));
  }
  const std::vector<std::int64_t> state{static_cast<std::int64_t>(seed()), 0};
  generator = Variable(Tensor::from(state), "generator", false);
}

Tensor Dropout::operator()(const Operand& x) {
  const LayerCall call(*this);
  if (!training() || options_.rate == 0) return call.done(x.tensor());
  // {seed, draws}: the draw is made with the current state, and counted.
  const Tensor key = generator.value();
  generator.assign(key + tensor({0, 1}, i64));
  return call.done(dropout(x, options_.rate, key, noise_shape(call, x)));
}

std::vector<std::int64_t> SpatialDropout::noise_shape(const LayerCall& call,
                                                      const Operand& x) const {
  const int rank = x.tensor().rank();
  if (rank < 3) call.fail_shape(x, "it takes [batch, channels, spatial...]");
  std::vector<std::int64_t> shape{-1, -1};
  shape.resize(static_cast<std::size_t>(rank), 1);
  return shape;
}

}  // namespace nacre::nn
