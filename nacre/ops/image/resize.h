// Changing the size of images, and moving pixels between channels and space.
#pragma once

#include "nacre/ops/define/operand.h"
#include "nacre/ops/image/padding.h"

namespace nacre {

enum class ResizeMode : std::uint8_t {
  nearest,        // floor(i * in / out), as OpenCV and PyTorch's "nearest"
  nearest_exact,  // the pixel whose centre is closest, as Pillow and scikit-image
  linear,         // linear, bilinear, trilinear
  cubic,          // Keys' cubic with a = -0.75, as PyTorch and OpenCV
};

struct ResizeOptions {
  ResizeMode mode = ResizeMode::linear;
  // The corner pixels' centres meet (linear and cubic); otherwise their outer edges do.
  bool align_corners = false;
};

// [batch, channels, 1 to 3 spatial axes] with the spatial sizes given.
Tensor resize(const Operand& x, const PerAxis& size, const ResizeOptions& options = {});
// The same with floor(size * factor), one factor for all axes or one an axis. As in PyTorch the
// sampling distance is 1 / factor.
Tensor resize_by(const Operand& x, const std::vector<double>& factors,
                 const ResizeOptions& options = {});

// [batch, c * f * f, h, w] to [batch, c, h * f, w * f], and back. Shi et al. 2016.
Tensor pixel_shuffle(const Operand& x, std::int64_t factor);
Tensor pixel_unshuffle(const Operand& x, std::int64_t factor);

}  // namespace nacre
