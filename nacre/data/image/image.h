// Pictures: PNG and JPEG files as tensors u8 [channels, height, width].
#pragma once

#include <filesystem>
#include <string>

#include "nacre/base/file.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

// Reads a PNG or JPEG, recognised by its first bytes. channels: 1 grey, 3 colour, 0 as the file has
// it. Values are those that are stored, as Pillow gives them: no gamma or profile is applied, grey
// is 0.299 R + 0.587 G + 0.114 B, of 16 bits the high byte is taken. What is transparent is put
// before white; a JPEG is turned as its EXIF orientation says. Throws
// IoError when it is neither, damaged, cut off, or has more than 2^28 pixels; ValueError for other
// channel counts.
Tensor read_image(const std::filesystem::path& path, int channels = 0);
Tensor decode_image(Bytes bytes, const std::string& name, int channels = 0);

// A PNG of u8 [height, width], [1, height, width] or [3, height, width], or f32 in [0, 1] of such a
// shape. Throws ShapeError for others.
std::string encode_png(const Tensor& image);
void write_png(const std::filesystem::path& path, const Tensor& image);

// How a picture comes to another size.
enum class Fit {
  stretch,  // as it comes
  crop,     // the middle part with the right aspect
  pad,      // whole, with `fill` around
};

// Resizes u8 or f32 [channels, height, width] with a triangle filter that widens when shrinking
// (what Pillow calls BILINEAR), so that no pixel is skipped. Throws ValueError below 1 pixel.
Tensor resize_image(const Tensor& image, std::int64_t height, std::int64_t width,
                    Fit fit = Fit::stretch, double fill = 0);

// Whether this program can read pictures (built with NACRE_WITH_IMAGES).
bool have_images();

}  // namespace nacre::data
