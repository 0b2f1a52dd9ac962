// Operations on one picture of floats in [0, 1], channel after channel, used by augmentation.
#pragma once

#include <array>
#include <cstdint>

namespace nacre::data {

struct Picture {
  float* data;
  std::int64_t channels;
  std::int64_t height;
  std::int64_t width;

  std::int64_t pixels() const { return height * width; }
  std::int64_t elements() const { return channels * pixels(); }
  float* channel(std::int64_t c) const { return data + c * pixels(); }
};

// An affine map from output to input coordinates: x' = m[0] x + m[1] y + m[2], y' = m[3] x + ...
using Affine = std::array<double, 6>;
Affine operator*(const Affine& a, const Affine& b);  // b first
// The maps about the picture's middle that undo a rotation by `degrees` (counter-clockwise on the
// screen), an enlargement by `zoom`, a shear along x and y by tangents, and a move by (dx, dy).
Affine inverse_affine(const Picture& picture, double degrees, double zoom, double shear_x,
                      double shear_y, double dx, double dy);
// out(x, y) = in(map(x, y)), bilinear, `fill` outside. `out` does not overlap `in`.
void warp(const Picture& in, float* out, const Affine& map, float fill);
// Moves by whole pixels and mirrors; `fill` comes in from the border.
void shift_and_flip(const Picture& in, float* out, std::int64_t dx, std::int64_t dy, bool mirror_x,
                    bool mirror_y, float fill);

// In place. Factors as in Pillow's ImageEnhance: 0 gives black, grey or blurred, 1 the original.
void adjust_brightness(const Picture& picture, double factor);
void adjust_contrast(const Picture& picture, double factor);
void adjust_saturation(const Picture& picture, double factor);
void adjust_sharpness(const Picture& picture, double factor);
void adjust_hue(const Picture& picture, double turn);     // part of the colour circle
void stretch_contrast(const Picture& picture);            // each channel to the full range
void equalise(const Picture& picture);                    // each channel's histogram, 256 steps
void posterise(const Picture& picture, int bits);         // 1..8 bits a channel stay
void solarise(const Picture& picture, double threshold);  // inverts what is not below it
void cut_out(const Picture& picture, std::int64_t x, std::int64_t y, std::int64_t side, float fill);

}  // namespace nacre::data
