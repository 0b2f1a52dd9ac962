// The eager executor's cache of bound kernels.
#pragma once

#include <cstddef>

namespace nacre {

struct EagerStatistics {
  std::size_t entries = 0;  // bound kernels held
  std::size_t hits = 0;
  std::size_t misses = 0;
  std::size_t evictions = 0;
};
// Of this thread.
EagerStatistics eager_statistics();
// At most this many bound kernels a thread (default 1,024); the least recently used go first.
void set_eager_cache_limit(std::size_t entries);

}  // namespace nacre
