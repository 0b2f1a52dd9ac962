// Philox (base/random.h), many blocks in step. Included once for each instruction set.
#if defined(NACRE_KERNELS_CPU_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NACRE_KERNELS_CPU_PHILOX_INL_H_
#undef NACRE_KERNELS_CPU_PHILOX_INL_H_
#else
#define NACRE_KERNELS_CPU_PHILOX_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace nacre::cpu::HWY_NAMESPACE {

constexpr std::size_t kBlocks = 16;  // in step, one a lane
constexpr std::size_t kWords = 4 * kBlocks;

// Words of kBlocks blocks from `first` on: the rounds of base/random.h on arrays, which the
// compiler turns into vectors.
inline void philox_words(std::uint64_t seed, std::uint64_t stream, std::uint64_t first,
                         std::uint32_t* words) {
  std::uint32_t x0[kBlocks], x1[kBlocks], x2[kBlocks], x3[kBlocks];
  for (std::size_t i = 0; i < kBlocks; ++i) {
    x0[i] = static_cast<std::uint32_t>(first + i);
    x1[i] = static_cast<std::uint32_t>((first + i) >> 32);
    x2[i] = static_cast<std::uint32_t>(stream);
    x3[i] = static_cast<std::uint32_t>(stream >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kBlocks; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * x0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * x2[i];
      x0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ x1[i] ^ k0;
      x1[i] = static_cast<std::uint32_t>(p1);
      x2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ x3[i] ^ k1;
      x3[i] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (std::size_t i = 0; i < kBlocks; ++i) {
    words[4 * i] = x0[i];
    words[4 * i + 1] = x1[i];
    words[4 * i + 2] = x2[i];
    words[4 * i + 3] = x3[i];
  }
}

}  // namespace nacre::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
