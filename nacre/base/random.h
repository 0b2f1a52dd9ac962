// Philox4x32-10: counter-based random numbers (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). The same key and counter give the same bits on every machine and thread.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace nacre {

// Four 32-bit random words of block `counter` in stream `stream` under `key`.
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t stream,
                                              std::uint64_t counter) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key);
  std::uint32_t k1 = static_cast<std::uint32_t>(key >> 32);
  std::array<std::uint32_t, 4> x = {
      static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
      static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * x[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return x;
}

// A float in [0, 1) from the upper 24 bits.
constexpr float uniform_from_bits(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}
// A double in [0, 1) from 53 of 64 bits.
constexpr double uniform_from_bits(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = (std::uint64_t{high} << 32) | low;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

// A host-side sequence of random numbers, for shuffles, augmentation and tests. Not for tensors:
// those draw through the random ops.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  std::uint32_t bits() {
    if (used_ == 4) {
      words_ = philox(seed_, stream_, counter_++);
      used_ = 0;
    }
    return words_[static_cast<std::size_t>(used_++)];
  }
  // Uniform in [0, 1).
  double uniform() {
    const std::uint32_t high = bits();
    return uniform_from_bits(high, bits());
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Uniform in 0..n-1, n > 0; the bias is below n / 2^64.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t high = bits();
    const std::uint64_t x = (high << 32) | bits();
    return static_cast<std::uint64_t>((static_cast<Wide>(x) * n) >> 64);
  }
  // Standard normal by Box and Muller, one of the pair.
  double normal() {
    const double u = 1.0 - uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * uniform());
  }

 private:
  __extension__ typedef unsigned __int128 Wide;

  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> words_{};
  int used_ = 4;
};

}  // namespace nacre
