#include "nacre/nn/shape.h"

#include <fmt/format.h>

#include "nacre/ops/shape/movement.h"

namespace nacre::nn {

Tensor Flatten::operator()(const Operand& x) {
  const LayerCall call(*this);
  const Tensor input = x.tensor();
  if (options_.start < 0 || options_.start > input.rank()) {
    call.fail_shape(x, fmt::format("start = {} is not an axis of it", options_.start));
  }
  Shape shape;
  std::int64_t rest = 1;
  for (int i = 0; i < input.rank(); ++i) {
    if (i < options_.start) {
      shape.push_back(input.size(i));
    } else {
      rest *= input.size(i);
    }
  }
  shape.push_back(rest);
  return call.done(reshape(x, shape));
}

Tensor Permute::operator()(const Operand& x) {
  const LayerCall call(*this);
  std::vector<int> axes{0};
  axes.insert(axes.end(), options_.axes.begin(), options_.axes.end());
  return call.done(transpose(x, axes));
}

Tensor Reshape::operator()(const Operand& x) {
  const LayerCall call(*this);
  const Tensor input = x.tensor();
  if (input.rank() == 0) call.fail_shape(x, "a scalar has no batch");
  std::vector<std::int64_t> dims{input.size(0)};
  dims.insert(dims.end(), options_.shape.begin(), options_.shape.end());
  return call.done(reshape(x, dims));
}

}  // namespace nacre::nn
