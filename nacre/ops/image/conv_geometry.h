// What the kernels of convolutions need to know, from attributes and shapes.
#pragma once

#include "nacre/ops/image/conv.h"
#include "nacre/ops/image/window.h"

namespace nacre {

// The spatial sizes of weights.
std::vector<std::int64_t> kernel_of(const Shape& weights);

// What a convolution's kernels need to know, from its attributes and shapes.
struct ConvGeometry {
  Image input;
  Image output;
  Window window;
  std::int64_t groups;

  ConvGeometry(const Attrs& attrs, const Shape& x, const Shape& weights, const Shape& y);
};

}  // namespace nacre
