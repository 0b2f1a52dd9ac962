// Hashes of things that are made of several.
#pragma once

#include <cstddef>

namespace nacre {

// Mixes a hash into a seed.
inline std::size_t mix_hash(std::size_t seed, std::size_t value) {
  value *= 0x9E3779B97F4A7C15ull;
  value ^= value >> 32;
  return (seed ^ value) * 0xD6E8FEB86659FD93ull;
}

}  // namespace nacre
