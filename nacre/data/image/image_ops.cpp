#include "nacre/data/image/image_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

namespace nacre::data {
namespace {

float clamp01(float x) { return std::min(1.0f, std::max(0.0f, x)); }

// ITU-R 601 luma, as in Pillow.
float grey_at(const Picture& p, std::int64_t i) {
  if (p.channels < 3) return p.data[i];
  return 0.299f * p.channel(0)[i] + 0.587f * p.channel(1)[i] + 0.114f * p.channel(2)[i];
}

}  // namespace

Affine operator*(const Affine& a, const Affine& b) {
  return {a[0] * b[0] + a[1] * b[3], a[0] * b[1] + a[1] * b[4], a[0] * b[2] + a[1] * b[5] + a[2],
          a[3] * b[0] + a[4] * b[3], a[3] * b[1] + a[4] * b[4], a[3] * b[2] + a[4] * b[5] + a[5]};
}

Affine inverse_affine(const Picture& picture, double degrees, double zoom, double shear_x,
                      double shear_y, double dx, double dy) {
  const double cx = static_cast<double>(picture.width - 1) / 2;
  const double cy = static_cast<double>(picture.height - 1) / 2;
  const double angle = degrees * std::numbers::pi / 180;
  const double c = std::cos(angle) / zoom;
  const double s = std::sin(angle) / zoom;
  const Affine from_middle = {1, 0, cx, 0, 1, cy};
  const Affine turn = {c, -s, 0, s, c, 0};
  const Affine lean = {1, -shear_x, 0, -shear_y, 1, 0};
  const Affine to_middle = {1, 0, -cx - dx, 0, 1, -cy - dy};
  return from_middle * (turn * (lean * to_middle));
}

void warp(const Picture& in, float* out, const Affine& map, float fill) {
  const std::int64_t w = in.width;
  const std::int64_t h = in.height;
  for (std::int64_t y = 0; y < h; ++y) {
    for (std::int64_t x = 0; x < w; ++x) {
      const auto fx = static_cast<double>(x);
      const auto fy = static_cast<double>(y);
      const double sx = map[0] * fx + map[1] * fy + map[2];
      const double sy = map[3] * fx + map[4] * fy + map[5];
      float* to = out + y * w + x;
      if (!(sx > -1 && sx < static_cast<double>(w) && sy > -1 && sy < static_cast<double>(h))) {
        for (std::int64_t c = 0; c < in.channels; ++c) to[c * in.pixels()] = fill;
        continue;
      }
      const auto x0 = static_cast<std::int64_t>(std::floor(sx));
      const auto y0 = static_cast<std::int64_t>(std::floor(sy));
      const auto ax = static_cast<float>(sx - static_cast<double>(x0));
      const auto ay = static_cast<float>(sy - static_cast<double>(y0));
      for (std::int64_t c = 0; c < in.channels; ++c) {
        const float* from = in.channel(c);
        const auto at = [&](std::int64_t px, std::int64_t py) {
          return px >= 0 && px < w && py >= 0 && py < h ? from[py * w + px] : fill;
        };
        const float top = at(x0, y0) * (1 - ax) + at(x0 + 1, y0) * ax;
        const float bottom = at(x0, y0 + 1) * (1 - ax) + at(x0 + 1, y0 + 1) * ax;
        to[c * in.pixels()] = top * (1 - ay) + bottom * ay;
      }
    }
  }
}

void shift_and_flip(const Picture& in, float* out, std::int64_t dx, std::int64_t dy, bool mirror_x,
                    bool mirror_y, float fill) {
  const std::int64_t w = in.width;
  const std::int64_t h = in.height;
  // Columns first..last-1 of the shifted row come from the picture.
  const std::int64_t first = std::clamp<std::int64_t>(dx, 0, w);
  const std::int64_t last = std::clamp<std::int64_t>(w + dx, 0, w);
  for (std::int64_t c = 0; c < in.channels; ++c) {
    for (std::int64_t y = 0; y < h; ++y) {
      float* to = out + (c * h + (mirror_y ? h - 1 - y : y)) * w;
      const std::int64_t sy = y - dy;
      if (sy < 0 || sy >= h) {
        std::fill_n(to, w, fill);
        continue;
      }
      const float* from = in.channel(c) + sy * w - dx;
      std::fill(to, to + first, fill);
      if (last > first) {
        std::memcpy(to + first, from + first,
                    static_cast<std::size_t>(last - first) * sizeof(float));
      }
      std::fill(to + std::max(first, last), to + w, fill);
      if (mirror_x) std::reverse(to, to + w);
    }
  }
}

void adjust_brightness(const Picture& picture, double factor) {
  const auto f = static_cast<float>(factor);
  for (std::int64_t i = 0; i < picture.elements(); ++i)
    picture.data[i] = clamp01(picture.data[i] * f);
}

void adjust_contrast(const Picture& picture, double factor) {
  double sum = 0;
  for (std::int64_t i = 0; i < picture.pixels(); ++i) sum += grey_at(picture, i);
  const auto mean =
      static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(1, picture.pixels())));
  const auto f = static_cast<float>(factor);
  for (std::int64_t i = 0; i < picture.elements(); ++i) {
    picture.data[i] = clamp01(mean + (picture.data[i] - mean) * f);
  }
}

void adjust_saturation(const Picture& picture, double factor) {
  if (picture.channels != 3) return;
  const auto f = static_cast<float>(factor);
  for (std::int64_t i = 0; i < picture.pixels(); ++i) {
    const float grey = grey_at(picture, i);
    for (std::int64_t c = 0; c < 3; ++c) {
      float& v = picture.channel(c)[i];
      v = clamp01(grey + (v - grey) * f);
    }
  }
}

void adjust_sharpness(const Picture& picture, double factor) {
  const std::int64_t w = picture.width;
  const std::int64_t h = picture.height;
  const auto f = static_cast<float>(factor);
  std::vector<float> old(static_cast<std::size_t>(picture.pixels()));
  for (std::int64_t c = 0; c < picture.channels; ++c) {
    float* p = picture.channel(c);
    std::copy(p, p + picture.pixels(), old.begin());
    for (std::int64_t y = 1; y + 1 < h; ++y) {  // the border stays, as in Pillow
      for (std::int64_t x = 1; x + 1 < w; ++x) {
        const float* m = old.data() + y * w + x;
        const float around =
            m[-w - 1] + m[-w] + m[-w + 1] + m[-1] + m[1] + m[w - 1] + m[w] + m[w + 1];
        const float smooth = (around + 5 * m[0]) / 13;
        p[y * w + x] = clamp01(smooth + (m[0] - smooth) * f);
      }
    }
  }
}

void adjust_hue(const Picture& picture, double turn) {
  if (picture.channels != 3) return;
  for (std::int64_t i = 0; i < picture.pixels(); ++i) {
    float& r = picture.channel(0)[i];
    float& g = picture.channel(1)[i];
    float& b = picture.channel(2)[i];
    const float high = std::max({r, g, b});
    const float low = std::min({r, g, b});
    const float chroma = high - low;
    if (chroma <= 0) continue;
    float hue = 0;  // in sixths of the circle
    if (high == r) {
      hue = (g - b) / chroma;
    } else if (high == g) {
      hue = 2 + (b - r) / chroma;
    } else {
      hue = 4 + (r - g) / chroma;
    }
    hue += static_cast<float>(6 * turn);
    // f(n) = high - chroma max(0, min(k, 4 - k, 1)), k = (n + hue) mod 6, for n = 5, 3, 1
    const auto channel = [&](float n) {
      float k = std::fmod(n + hue, 6.0f);
      if (k < 0) k += 6;
      return high - chroma * std::max(0.0f, std::min({k, 4 - k, 1.0f}));
    };
    r = channel(5);
    g = channel(3);
    b = channel(1);
  }
}

void stretch_contrast(const Picture& picture) {
  for (std::int64_t c = 0; c < picture.channels; ++c) {
    float* p = picture.channel(c);
    const auto [low, high] = std::minmax_element(p, p + picture.pixels());
    if (picture.pixels() == 0 || *high <= *low) continue;
    const float base = *low;
    const float range = *high - *low;
    for (std::int64_t i = 0; i < picture.pixels(); ++i) p[i] = (p[i] - base) / range;
  }
}

void equalise(const Picture& picture) {
  for (std::int64_t c = 0; c < picture.channels; ++c) {
    float* p = picture.channel(c);
    const auto bin = [](float v) { return static_cast<std::size_t>(clamp01(v) * 255 + 0.5f); };
    std::array<std::int64_t, 256> count{};
    for (std::int64_t i = 0; i < picture.pixels(); ++i) ++count[bin(p[i])];
    std::int64_t below = 0;
    std::int64_t lowest = 0;  // pixels of the darkest value, which becomes black
    std::array<float, 256> table{};
    for (std::size_t v = 0; v < 256; ++v) {
      below += count[v];
      if (lowest == 0) lowest = below;
      const std::int64_t rest = picture.pixels() - lowest;
      table[v] = rest > 0 ? static_cast<float>(below - lowest) / static_cast<float>(rest)
                          : static_cast<float>(v) / 255;
    }
    for (std::int64_t i = 0; i < picture.pixels(); ++i) p[i] = table[bin(p[i])];
  }
}

void posterise(const Picture& picture, int bits) {
  const int mask = 0xff & ~((1 << (8 - std::clamp(bits, 1, 8))) - 1);
  for (std::int64_t i = 0; i < picture.elements(); ++i) {
    const int v = static_cast<int>(clamp01(picture.data[i]) * 255 + 0.5f);
    picture.data[i] = static_cast<float>(v & mask) / 255;
  }
}

void solarise(const Picture& picture, double threshold) {
  const auto t = static_cast<float>(threshold);
  for (std::int64_t i = 0; i < picture.elements(); ++i) {
    float& v = picture.data[i];
    if (v >= t) v = 1 - v;
  }
}

void cut_out(const Picture& picture, std::int64_t x, std::int64_t y, std::int64_t side,
             float fill) {
  const std::int64_t x0 = std::clamp<std::int64_t>(x - side / 2, 0, picture.width);
  const std::int64_t y0 = std::clamp<std::int64_t>(y - side / 2, 0, picture.height);
  const std::int64_t x1 = std::clamp<std::int64_t>(x - side / 2 + side, 0, picture.width);
  const std::int64_t y1 = std::clamp<std::int64_t>(y - side / 2 + side, 0, picture.height);
  for (std::int64_t c = 0; c < picture.channels; ++c) {
    for (std::int64_t row = y0; row < y1; ++row) {
      std::fill(picture.channel(c) + row * picture.width + x0,
                picture.channel(c) + row * picture.width + x1, fill);
    }
  }
}

}  // namespace nacre::data
