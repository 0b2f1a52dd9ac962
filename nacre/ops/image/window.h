// Windows that slide over the spatial axes of images: the geometry that convolutions, pools and
// unfolding share. Everything is brought to three spatial axes; missing ones come first, of size 1.
#pragma once

#include <array>
#include <vector>

#include "nacre/ops/define/op_def.h"
#include "nacre/ops/image/padding.h"

namespace nacre {

using Axes3 = std::array<std::int64_t, 3>;

// A batch of images: [batch, channels, spatial...], or [batch, spatial..., channels] when
// channels_last. Strides count elements.
struct Image {
  std::int64_t batch = 1;
  std::int64_t channels = 1;
  Axes3 size{1, 1, 1};
  std::int64_t batch_stride = 0;
  std::int64_t channel_stride = 0;
  Axes3 stride{0, 0, 0};

  Image(const Shape& shape, bool channels_last);
  std::int64_t pixels() const { return size[0] * size[1] * size[2]; }
  std::int64_t offset(std::int64_t b, std::int64_t c) const {
    return b * batch_stride + c * channel_stride;
  }
};
Shape image_shape(std::int64_t batch, std::int64_t channels, std::span<const std::int64_t> size,
                  bool channels_last);
// The spatial sizes of an image's shape.
std::vector<std::int64_t> spatial_of(const Shape& shape, bool channels_last);

struct Window {
  int axes = 0;  // spatial axes there really are
  Axes3 kernel{1, 1, 1};
  Axes3 stride{1, 1, 1};
  Axes3 low{0, 0, 0};
  Axes3 high{0, 0, 0};  // negative: so many elements at the end are not looked at
  Axes3 dilation{1, 1, 1};

  // Reads stride, padding, dilation, crop (taken off the padding at the end) of `attrs`; each may
  // be missing: 1, 0, 1, 0.
  Window(const Attrs& attrs, std::span<const std::int64_t> kernel);
  // The number of places along axis i (of three); 0 or less when the window does not fit.
  std::int64_t places(int i, std::int64_t size) const {
    const auto k = static_cast<std::size_t>(i);
    const std::int64_t room = size + low[k] + high[k] - extent(i);
    return room < 0 ? 0 : room / stride[k] + 1;
  }
  // What a dilated window covers.
  std::int64_t extent(int i) const {
    const auto k = static_cast<std::size_t>(i);
    return dilation[k] * (kernel[k] - 1) + 1;
  }
};

// Refuses a rank without 1 to 3 spatial axes; returns their number.
int check_image(const InferContext& c, std::size_t input);
// Refuses wrong counts and ranges of stride, padding, dilation and kernel.
void check_window(const InferContext& c, int axes, std::span<const std::int64_t> kernel);

}  // namespace nacre
