// Sampling of images at given places, for spatial transformers and optical flow.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct GridSampleOptions {
  bool nearest = false;        // the nearest pixel instead of bilinear interpolation
  bool border = false;         // places outside take the border's pixel instead of 0
  bool align_corners = false;  // -1 and 1 are the corner pixels' centres instead of outer edges
};

// x [batch, channels, height, width] sampled at grid [batch, h, w, 2], whose last axis is (x, y) in
// [-1, 1]; gives [batch, channels, h, w]. As PyTorch's grid_sample. Infinite places are outside;
// NaN counts as far to the left or above. With `border` a place has a gradient strictly between the
// outermost pixels only. Jaderberg et al. 2015.
Tensor grid_sample(const Operand& x, const Operand& grid, const GridSampleOptions& options = {});

// The sampling grid of an affine map: theta [batch, 2, 3] gives [batch, height, width, 2].
Tensor affine_grid(const Operand& theta, std::int64_t height, std::int64_t width,
                   bool align_corners = false);

}  // namespace nacre
