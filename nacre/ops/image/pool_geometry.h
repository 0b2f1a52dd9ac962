// The windows of a pool, for its kernels.
#pragma once

#include "nacre/ops/image/pool.h"
#include "nacre/ops/image/window.h"

namespace nacre {

// The window at one place of an output axis, clipped to the input.
struct PoolSpan {
  std::int64_t begin;
  std::int64_t end;      // elements begin, begin + dilation, ... below end
  std::int64_t divisor;  // what this axis contributes to the divisor of a mean
};
// The windows along the three axes, for all kernels of pools.
struct PoolGeometry {
  Image input;
  Image output;
  Axes3 dilation{1, 1, 1};
  std::array<std::vector<PoolSpan>, 3> spans;

  PoolGeometry(const Attrs& attrs, const Shape& x, const Shape& y);
};

}  // namespace nacre
