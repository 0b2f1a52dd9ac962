// What the readers of PNG and JPEG share. Values are taken as the file stores them, as Pillow does:
// no gamma, no colour profile, so that a PNG and a JPEG of one picture agree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nacre/base/file.h"
#include "nacre/tensor/tensor.h"

namespace nacre::data {

// The grey of a colour by ITU-R 601 (0.299, 0.587, 0.114), in Pillow's fixed point.
inline std::uint8_t grey_of(std::uint32_t r, std::uint32_t g, std::uint32_t b) {
  return static_cast<std::uint8_t>((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
}
// a * b / 255, rounded to the nearest.
inline std::uint32_t product_of(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

// Throws IoError unless a picture has 1 to 2^28 pixels and `bytes` bytes can hold them at
// `most_per_byte` pixels a byte.
void check_picture(const std::string& name, std::uint64_t width, std::uint64_t height,
                   std::uint64_t bytes, std::uint64_t most_per_byte);

// Rows of interleaved grey (1 channel) or colour (3) to u8 [channels, height, width].
Tensor planar(const std::vector<unsigned char>& rows, std::int64_t stored, std::int64_t channels,
              std::int64_t height, std::int64_t width);

// u8 [channels, height, width]; channels 0: 1 where the file is grey, else 3. Throw IoError naming
// `name`.
Tensor decode_png(Bytes bytes, const std::string& name, int channels);
Tensor decode_jpeg(Bytes bytes, const std::string& name, int channels);

}  // namespace nacre::data
