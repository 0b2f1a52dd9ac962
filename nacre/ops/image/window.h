// Windows that slide over the spatial axes of images: the geometry that convolutions, pools and
// unfolding share. Everything is brought to three spatial axes; missing ones come first, of size 1.
#pragma once

#include <array>
#include <initializer_list>
#include <vector>

#include "nacre/ops/define/op_def.h"

namespace nacre {

// One whole number for each spatial axis; a single one stands for all axes.
class PerAxis {
 public:
  PerAxis(std::int64_t value) : values_{value} {}
  PerAxis(std::initializer_list<std::int64_t> values) : values_(values) {}
  PerAxis(std::vector<std::int64_t> values) : values_(std::move(values)) {}

  bool empty() const { return values_.empty(); }
  const std::vector<std::int64_t>& values() const { return values_; }
  // One value an axis. A list of another length is returned as it is: the op's check refuses it.
  std::vector<std::int64_t> expand(int axes) const;

 private:
  std::vector<std::int64_t> values_;
};

// Zeros (or nothing, for pools) around the spatial axes.
class Padding {
 public:
  enum class Kind : std::uint8_t { given, same, valid };

  // The same on both sides; one number for all axes or one an axis.
  Padding(std::int64_t both) : both_(both) {}
  Padding(std::initializer_list<std::int64_t> both) : both_(both) {}
  Padding(const PerAxis& both) : both_(both) {}
  explicit Padding(Kind kind) : kind_(kind), both_(0) {}
  // {low, high} for each axis.
  static Padding pairs(std::vector<std::array<std::int64_t, 2>> pairs);

  Kind kind() const { return kind_; }
  const PerAxis& both() const { return both_; }
  // Empty unless low and high were given apart.
  const std::vector<std::array<std::int64_t, 2>>& low_high() const { return pairs_; }
  // low, high of axis 0, low, high of axis 1, ... `same` makes ceil(size / stride) outputs, with
  // the odd element of padding at the end, as in TensorFlow.
  std::vector<std::int64_t> resolve(std::span<const std::int64_t> size,
                                    std::span<const std::int64_t> kernel,
                                    std::span<const std::int64_t> stride,
                                    std::span<const std::int64_t> dilation) const;

 private:
  Kind kind_ = Kind::given;
  PerAxis both_;
  std::vector<std::array<std::int64_t, 2>> pairs_;
};
inline const Padding kSame{Padding::Kind::same};
inline const Padding kValid{Padding::Kind::valid};

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
