// Draw: the random words of one key, for reference kernels. Not part of the public interface.
#pragma once

#include <array>
#include <cstdint>

#include "nacre/base/random.h"
#include "nacre/ops/define/op_def.h"

namespace nacre::op_defs {

class Draw {
 public:
  // `key` points to an i64[2].
  explicit Draw(const void* key);

  // Word w of the draw (see ops/random/random.h).
  std::uint32_t word(std::uint64_t w) {
    const std::uint64_t wanted = w / 4;
    if (wanted != block_ || !filled_) {
      words_ = philox(seed_, stream_, wanted);
      block_ = wanted;
      filled_ = true;
    }
    return words_[static_cast<std::size_t>(w % 4)];
  }
  // Words 2i and 2i + 1 as one.
  std::uint64_t wide(std::uint64_t i) {
    const std::uint64_t high = word(2 * i);
    return (high << 32) | word(2 * i + 1);
  }
  // Number i strictly within (0, 1), of 32 bits, or of 53.
  double open(std::uint64_t i) { return (word(i) + 0.5) * 0x1p-32; }
  double open_wide(std::uint64_t i) { return (static_cast<double>(wide(i) >> 12) + 0.5) * 0x1p-52; }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t block_ = 0;
  bool filled_ = false;
  std::array<std::uint32_t, 4> words_{};
};

// Element number `element` of a draw from the gamma distribution of a concentration, with scale 1;
// NaN unless the concentration is positive.
double gamma_of(Draw& draw, std::uint64_t element, double concentration);
// What is drawn where a gamma would be rounded to zero.
constexpr double smallest_gamma(DType dtype) {
  return dtype == f64 ? 0x1p-1022 : dtype == f16 ? 0x1p-14 : 0x1p-126;
}

// The check of an op whose input i is a key.
void expect_key(const InferContext& c, std::size_t i);
// The spec that attributes {dtype, shape} state.
Spec stated_spec(const InferContext& c);
// A key as a sample's input.
inline SampleInput sample_key() { return {{i64, {2}}, 0, 1000, Fill::random_key}; }

inline constexpr std::string_view kRandomHint =
    "a draw has no gradient; for a normal, differentiate mean + scale * draw; for a choice, use "
    "gumbel_softmax";

}  // namespace nacre::op_defs
