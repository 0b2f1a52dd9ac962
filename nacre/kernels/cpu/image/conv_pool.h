// The loops of conv_pool for 3x3 kernels: pooled pixels of a row side by side in a vector, so that
// a picture's rows are taken apart once (by column modulo 2) for all output channels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::cpu {

inline constexpr std::size_t kStageKernel = 3;
// What a pooled pixel sees of a row: two outputs of the convolution, three elements each.
inline constexpr std::size_t kStageStreams = kStageKernel + 1;

struct StageSizes {
  std::size_t channels, outputs;  // of the convolution
  std::size_t rows, columns;      // of the picture
  std::size_t top, left;          // zeros before them
  std::size_t pooled_rows, pooled_columns;
  std::size_t lanes_columns;  // pooled_columns, rounded up to whole vectors

  std::size_t needed_rows() const { return 2 * pooled_rows + kStageKernel - 1; }
  // Floats of one picture that is taken apart, and of the row it goes through.
  std::size_t streams() const { return channels * needed_rows() * kStageStreams * lanes_columns; }
  std::size_t padded_row() const { return 2 * lanes_columns + kStageStreams + 2; }
  std::size_t taps() const { return outputs * channels * kStageKernel * kStageKernel; }
};

struct StageFunctions {
  std::size_t lanes;
  // One picture. `streams` has s.streams() floats, aligned to 64 bytes; `row` has s.padded_row().
  void (*take_apart)(const StageSizes& s, const float* x, float* row, float* streams);
  // bias may be null.
  void (*forward)(const StageSizes& s, const float* streams, const float* weights,
                  const float* bias, float* y, std::uint8_t* which);
  // Adds one picture's part to sums[outputs][channels][3][3][lanes] and, unless null,
  // bias_sums[outputs][lanes].
  void (*backward)(const StageSizes& s, const float* streams, const float* ct,
                   const std::uint8_t* which, float* sums, float* bias_sums);
  // to[i] = sum of from[i * lanes .. + lanes)
  void (*reduce)(const float* from, std::size_t n, float* to);
};

const StageFunctions& stage_functions();

}  // namespace nacre::cpu
