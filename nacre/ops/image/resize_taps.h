// What each place of a resized image is made of, for its kernels.
#pragma once

#include "nacre/ops/image/resize.h"
#include "nacre/ops/image/window.h"

namespace nacre {

// What one place of an output axis takes from the input axis: up to four elements with weights.
struct ResizeTaps {
  std::array<std::int64_t, 4> at;
  std::array<double, 4> weight;
  int count;
};
// Along an axis of `in` elements to `out`; `step` is the sampling distance, or 0: from the sizes.
std::vector<ResizeTaps> resize_taps(ResizeMode mode, bool align_corners, std::int64_t in,
                                    std::int64_t out, double step);
// For the three axes of a resize with these attributes.
std::array<std::vector<ResizeTaps>, 3> resize_taps(const Attrs& attrs, const Image& from,
                                                   const Image& to, int axes);

}  // namespace nacre
