#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nacre/base/error.h"
#include "nacre/data/image/image.h"

namespace nacre::data {
namespace {

// For each output place: the first input and the weights of it and those that follow.
struct Taps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

// A triangle of one input pixel's half width, wider when shrinking. Reads [begin, begin + length).
std::vector<Taps> make_taps(std::int64_t size, double begin, double length, std::int64_t out) {
  const double step = length / static_cast<double>(out);
  const double reach = std::max(1.0, step);
  std::vector<Taps> taps(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = begin + (static_cast<double>(i) + 0.5) * step;
    const auto low =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - reach)));
    const auto high = std::min(size, static_cast<std::int64_t>(std::ceil(centre + reach)));
    Taps& t = taps[static_cast<std::size_t>(i)];
    t.first = low;
    double sum = 0;
    for (std::int64_t j = low; j < high; ++j) {
      const double w = std::max(0.0, 1 - std::abs(static_cast<double>(j) + 0.5 - centre) / reach);
      t.weights.push_back(static_cast<float>(w));
      sum += w;
    }
    for (float& w : t.weights) w = static_cast<float>(w / sum);
  }
  return taps;
}

}  // namespace

Tensor resize_image(const Tensor& image, std::int64_t height, std::int64_t width, Fit fit,
                    double fill) {
  if (height < 1 || width < 1) {
    throw ValueError(fmt::format("resize_image: {} x {} pixels", height, width));
  }
  if (image.rank() != 3 || (image.dtype() != u8 && image.dtype() != f32) || image.elements() == 0) {
    throw ShapeError("resize_image: u8 or f32 [channels, height, width] expected, this is " +
                     to_string(image.spec()));
  }
  const std::int64_t channels = image.size(0);
  const std::int64_t h = image.size(1);
  const std::int64_t w = image.size(2);
  if (h == height && w == width) return image;
  const double ratio_y = static_cast<double>(height) / static_cast<double>(h);
  const double ratio_x = static_cast<double>(width) / static_cast<double>(w);
  double part_h = static_cast<double>(h);  // what is read of the input
  double part_w = static_cast<double>(w);
  std::int64_t out_h = height;  // what is written of the output
  std::int64_t out_w = width;
  if (fit == Fit::crop) {
    const double ratio = std::max(ratio_x, ratio_y);
    part_h = static_cast<double>(height) / ratio;
    part_w = static_cast<double>(width) / ratio;
  } else if (fit == Fit::pad) {
    const double ratio = std::min(ratio_x, ratio_y);
    out_h = std::clamp<std::int64_t>(std::llround(static_cast<double>(h) * ratio), 1, height);
    out_w = std::clamp<std::int64_t>(std::llround(static_cast<double>(w) * ratio), 1, width);
  }
  const auto across = make_taps(w, (static_cast<double>(w) - part_w) / 2, part_w, out_w);
  const auto down = make_taps(h, (static_cast<double>(h) - part_h) / 2, part_h, out_h);
  const std::vector<float> in = image.to_vector<float>();
  const bool bytes = image.dtype() == u8;
  Tensor out = full({channels, height, width}, fill, image.dtype());
  std::vector<float> narrow(static_cast<std::size_t>(h * out_w));
  const std::int64_t top = (height - out_h) / 2;
  const std::int64_t left = (width - out_w) / 2;
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = 0; y < h; ++y) {
      const float* row = in.data() + (c * h + y) * w;
      for (std::int64_t x = 0; x < out_w; ++x) {
        const Taps& t = across[static_cast<std::size_t>(x)];
        float sum = 0;
        for (std::size_t k = 0; k < t.weights.size(); ++k)
          sum += t.weights[k] * row[t.first + static_cast<std::int64_t>(k)];
        narrow[static_cast<std::size_t>(y * out_w + x)] = sum;
      }
    }
    for (std::int64_t y = 0; y < out_h; ++y) {
      const Taps& t = down[static_cast<std::size_t>(y)];
      for (std::int64_t x = 0; x < out_w; ++x) {
        float sum = 0;
        for (std::size_t k = 0; k < t.weights.size(); ++k) {
          sum += t.weights[k] * narrow[static_cast<std::size_t>(
                                    (t.first + static_cast<std::int64_t>(k)) * out_w + x)];
        }
        const auto place = static_cast<std::size_t>((c * height + top + y) * width + left + x);
        if (bytes) {
          out.mutable_data<std::uint8_t>()[place] =
              static_cast<std::uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
        } else {
          out.mutable_data<float>()[place] = sum;
        }
      }
    }
  }
  return out;
}

}  // namespace nacre::data
