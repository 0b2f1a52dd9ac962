// host2, a second backend for tests: the CPU's kernels over a heap of their own. Its addresses are
// of pages that cannot be touched, as a device's are for the host; kernels and copies find the
// bytes elsewhere. Code of the library that reads elements past the seam (base/memory_space.h,
// kernels/backend.h) ends the test program at once.
#pragma once

#include <cstddef>

#include "nacre/kernels/backend.h"

namespace nacre::testing {

Backend& host2_backend();

// What it was asked for so far.
struct Host2Counts {
  std::size_t to_host = 0;  // reads: on a device the host would wait for each
  std::size_t from_host = 0;
  std::size_t kernels = 0;
  std::size_t replays = 0;
  std::size_t passes = 0;     // runs of the pass of its own
  std::size_t allocated = 0;  // buffers that live
};
Host2Counts host2_counts();

}  // namespace nacre::testing
