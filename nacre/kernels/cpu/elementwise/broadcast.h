// The loops of a broadcast: dimensions merged where all inputs allow it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nacre/base/inline_vector.h"
#include "nacre/base/shape.h"

namespace nacre::cpu {

// sizes[d] from the outermost loop to the innermost; strides[k][d]: elements to step in input k.
// Sizes of 1 are gone; a scalar has no loops at all. The innermost stride is 1 or 0.
struct BroadcastLoops {
  InlineVector<std::int64_t, kMaxRank> sizes;
  std::vector<InlineVector<std::int64_t, kMaxRank>> strides;

  std::int64_t inner() const { return sizes.empty() ? 1 : sizes[sizes.size() - 1]; }
  std::int64_t inner_stride(std::size_t k) const {
    return sizes.empty() ? 0 : strides[k][sizes.size() - 1];
  }
};

// `out`: the shape that all of `inputs` broadcast to.
BroadcastLoops broadcast_loops(const Shape& out, std::span<const Shape> inputs);

// Writes elements [begin, begin + n) of input k, broadcast, one after the other. `size`: bytes of
// one element.
void expand(const BroadcastLoops& loops, std::size_t k, const void* from, std::size_t size,
            std::int64_t begin, std::int64_t n, void* to);

}  // namespace nacre::cpu
