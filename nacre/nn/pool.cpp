#include "nacre/nn/pool.h"

#include <fmt/format.h>

namespace nacre::nn {

PoolLayer::PoolLayer(std::string kind, int axes, bool maximum, PoolOptions options)
    : LayerBase(std::move(kind)), axes_(axes), maximum_(maximum), options_(std::move(options)) {
  if (maximum && options_.count_include_pad) {
    throw ValueError(this->kind() + ": count_include_pad is an option of average pools");
  }
}

Tensor PoolLayer::operator()(const Operand& x) {
  const LayerCall call(*this);
  if (x.tensor().rank() != axes_ + 2) {
    call.fail_shape(x, fmt::format("it takes [batch, channels, {} spatial ax{}]", axes_,
                                   axes_ == 1 ? "is" : "es"));
  }
  const nacre::PoolOptions options{.kernel_size = options_.kernel_size,
                                   .stride = options_.stride,
                                   .padding = options_.padding,
                                   .ceil_mode = options_.ceil_mode,
                                   .count_include_pad = options_.count_include_pad};
  return call.done(maximum_ ? max_pool(x, options) : avg_pool(x, options));
}

Tensor GlobalAvgPool::operator()(const Operand& x) {
  const LayerCall call(*this);
  return call.done(global_avg_pool(x, options_.keep_dims));
}
Tensor GlobalMaxPool::operator()(const Operand& x) {
  const LayerCall call(*this);
  return call.done(global_max_pool(x, options_.keep_dims));
}
Tensor AdaptiveAvgPool::operator()(const Operand& x) {
  const LayerCall call(*this);
  return call.done(adaptive_avg_pool(x, options_.output));
}
Tensor AdaptiveMaxPool::operator()(const Operand& x) {
  const LayerCall call(*this);
  return call.done(adaptive_max_pool(x, options_.output));
}

}  // namespace nacre::nn
