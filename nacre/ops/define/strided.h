// Copies between strided arrays: the one loop behind the references of ops that move elements.
#pragma once

#include "nacre/ops/define/op_def.h"

namespace nacre::op_defs {

using Strides = std::array<std::int64_t, kMaxRank>;

// Copies one element for each position of `shape`; the strides count elements and may be zero or
// negative. `size` is the bytes of an element (1, 2, 4 or 8). Exact for every dtype.
void copy_strided(const Shape& shape, std::size_t size, const void* in, const Strides& in_strides,
                  void* out, const Strides& out_strides);

// The sizes before and after an axis: an array seen as [outer, axis, inner].
struct AxisView {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;

  AxisView(const Shape& shape, std::int64_t axis) {
    if (axis < 0) axis += shape.rank();
    for (int i = 0; i < shape.rank(); ++i) {
      (i < axis ? outer : i > axis ? inner : length) *= shape[i];
    }
  }
};

}  // namespace nacre::op_defs
