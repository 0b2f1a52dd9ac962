// Images of f32 rounded to bf16 and brought into blocks of 16 channels at once. The library's own
// reorder takes three to four times as long when it rounds as when it only moves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::cpu {

inline constexpr std::size_t kBlockChannels = 16;

// What is read of a picture, in elements.
struct RoundedImage {
  std::size_t rows, columns;
  std::size_t row_stride, channel_stride;
};

// to[row][column][16] from 16 channels, each rounded to the nearest, ties to even; NaN stays.
using RoundBlockFn = void (*)(const RoundedImage& image, const float* from, std::uint16_t* to);
RoundBlockFn round_block();

}  // namespace nacre::cpu
