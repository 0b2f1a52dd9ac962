// Placing blocks with lifetimes into one arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace nacre {

// A block that lives from step `first` to step `last`, both included.
struct Lifetime {
  std::uint32_t first;
  std::uint32_t last;
  std::size_t bytes;
};

struct Placement {
  std::vector<std::size_t> offsets;  // of each block
  std::size_t total = 0;
};

// Offsets such that blocks alive at the same time do not overlap. Tries several greedy orders and
// ends when one reaches the floor; then repairs the best one while that helps. Of some thousand
// blocks and more it takes the better of two sweeps over the steps, in O(n log n).
Placement place(const std::vector<Lifetime>& blocks);

// The largest sum of bytes alive at one step: no placement can be smaller.
std::size_t live_floor(const std::vector<Lifetime>& blocks);

}  // namespace nacre
