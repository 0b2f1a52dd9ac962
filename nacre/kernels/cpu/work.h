// How much work justifies another thread.
#pragma once

#include <algorithm>

namespace nacre::cpu {

// One thread for each 25 microseconds of work, at most `threads`: waking another one costs a few.
inline int workers_for(double microseconds, int threads) {
  return std::clamp(static_cast<int>(microseconds / 25), 1, std::max(1, threads));
}

// The time to move bytes that do not sit in a near cache, on one core.
inline double microseconds_to_move(double bytes) { return bytes / 15e3; }

}  // namespace nacre::cpu
