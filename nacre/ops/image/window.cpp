#include "nacre/ops/image/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace nacre {
namespace {
constexpr std::int64_t kMostInWindow = std::numeric_limits<std::int32_t>::max();
}  // namespace

std::vector<std::int64_t> PerAxis::expand(int axes) const {
  if (values_.size() != 1) return values_;
  return std::vector<std::int64_t>(static_cast<std::size_t>(std::max(axes, 0)), values_[0]);
}

Padding::Kind Padding::named(std::string_view word) {
  if (word == "same") return Kind::same;
  if (word == "valid") return Kind::valid;
  throw ValueError(fmt::format("padding: \"{}\" is neither \"same\" nor \"valid\"", word));
}

Padding Padding::pairs(std::vector<std::array<std::int64_t, 2>> pairs) {
  Padding p(0);
  p.pairs_ = std::move(pairs);
  return p;
}

std::vector<std::int64_t> Padding::resolve(std::span<const std::int64_t> size,
                                           std::span<const std::int64_t> kernel,
                                           std::span<const std::int64_t> stride,
                                           std::span<const std::int64_t> dilation) const {
  std::vector<std::int64_t> out;
  if (!pairs_.empty()) {
    for (const auto& [low, high] : pairs_) {
      out.push_back(low);
      out.push_back(high);
    }
    return out;
  }
  if (kind_ != Kind::same) {
    for (const std::int64_t p : both_.expand(static_cast<int>(size.size()))) {
      out.push_back(p);
      out.push_back(p);
    }
    return out;
  }
  for (std::size_t i = 0; i < size.size(); ++i) {
    // Lists of the wrong length and numbers out of range are refused later, by the op's own check.
    const auto at = [i](std::span<const std::int64_t> list) {
      return i < list.size() ? std::clamp<std::int64_t>(list[i], 1, kMostInWindow) : 1;
    };
    const std::int64_t outputs = (size[i] + at(stride) - 1) / at(stride);
    const std::int64_t covered = (outputs - 1) * at(stride) + at(dilation) * (at(kernel) - 1) + 1;
    const std::int64_t total = std::max<std::int64_t>(0, covered - size[i]);
    out.push_back(total / 2);
    out.push_back(total - total / 2);
  }
  return out;
}

Image::Image(const Shape& shape, bool channels_last) {
  const int axes = shape.rank() - 2;
  const int first = channels_last ? 1 : 2;
  const int channel_axis = channels_last ? shape.rank() - 1 : 1;
  const auto strides = row_major_strides(shape);
  batch = shape[0];
  batch_stride = strides[0];
  channels = shape[channel_axis];
  channel_stride = strides[static_cast<std::size_t>(channel_axis)];
  for (int i = 0; i < axes; ++i) {
    const auto to = static_cast<std::size_t>(3 - axes + i);
    size[to] = shape[first + i];
    stride[to] = strides[static_cast<std::size_t>(first + i)];
  }
}

Shape image_shape(std::int64_t batch, std::int64_t channels, std::span<const std::int64_t> size,
                  bool channels_last) {
  Shape out{batch};
  if (!channels_last) out.push_back(channels);
  for (const std::int64_t s : size) out.push_back(s);
  if (channels_last) out.push_back(channels);
  return out;
}

std::vector<std::int64_t> spatial_of(const Shape& shape, bool channels_last) {
  if (shape.rank() < 2) return {};
  return {shape.begin() + (channels_last ? 1 : 2), shape.end() - (channels_last ? 1 : 0)};
}

Window::Window(const Attrs& attrs, std::span<const std::int64_t> kernel_size)
    : axes(static_cast<int>(kernel_size.size())) {
  const auto strides = attrs.integers_or("stride", {});
  const auto dilations = attrs.integers_or("dilation", {});
  const auto padding = attrs.integers_or("padding", {});
  const auto crop = attrs.integers_or("crop", {});
  for (std::size_t i = 0; i < kernel_size.size(); ++i) {
    const std::size_t to = 3 - kernel_size.size() + i;
    kernel[to] = kernel_size[i];
    if (i < strides.size()) stride[to] = strides[i];
    if (i < dilations.size()) dilation[to] = dilations[i];
    if (2 * i + 1 < padding.size()) {
      low[to] = padding[2 * i];
      high[to] = padding[2 * i + 1];
    }
    if (i < crop.size()) high[to] -= crop[i];
  }
}

int check_image(const InferContext& c, std::size_t input) {
  const int rank = c.inputs[input].shape.rank();
  if (rank < 3 || rank > 5) {
    c.fail_shape(
        fmt::format("rank 3, 4 or 5 expected (batch, channels, 1 to 3 spatial axes), {} given",
                    rank),
        "a single image needs a batch axis: expand_dims(x, {0})");
  }
  return rank - 2;
}

void check_window(const InferContext& c, int axes, std::span<const std::int64_t> kernel) {
  const auto check = [&](std::string_view what, std::span<const std::int64_t> list, int expected,
                         std::int64_t least) {
    if (static_cast<int>(list.size()) != expected) {
      c.fail_value(fmt::format("{} {} values given for {} spatial {}", list.size(), what, axes,
                               axes == 1 ? "axis" : "axes"));
    }
    for (const std::int64_t v : list) {
      if (v < least) c.fail_value(fmt::format("{} must be at least {}, not {}", what, least, v));
      // Sizes are computed from products of two, and libraries take 32 bits.
      if (v > kMostInWindow) {
        c.fail_value(fmt::format("{} must be at most {}, not {}", what, kMostInWindow, v));
      }
    }
  };
  check("kernel", kernel, axes, 1);
  if (c.attrs.has("stride")) check("stride", c.attrs.integers("stride"), axes, 1);
  if (c.attrs.has("dilation")) check("dilation", c.attrs.integers("dilation"), axes, 1);
  if (c.attrs.has("padding")) check("padding", c.attrs.integers("padding"), 2 * axes, 0);
}

}  // namespace nacre
