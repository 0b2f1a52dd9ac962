// The loops of a reduction: dimensions merged into runs that are all kept or all reduced.
#pragma once

#include <cstdint>
#include <span>

#include "nacre/base/inline_vector.h"
#include "nacre/base/shape.h"

namespace nacre::cpu {

// A reduction as [outer kept] x [outer reduced] x [middle] x [inner], where the last two are the
// innermost reduced run and the kept run below it (1 when the reduction is innermost).
struct ReduceLoops {
  struct Loop {
    std::int64_t size;
    std::int64_t stride;  // elements of the input
  };
  InlineVector<Loop, kMaxRank> kept;     // from the outermost
  InlineVector<Loop, kMaxRank> reduced;  // outside the innermost reduced run
  std::int64_t outputs = 1;              // product of the kept sizes
  std::int64_t repeats = 1;              // product of the outer reduced sizes
  std::int64_t length = 1;               // of the innermost reduced run
  std::int64_t inner = 1;                // kept elements below it

  // The offset of element `index` (row-major) of a list of loops.
  static std::int64_t offset(std::span<const Loop> loops, std::int64_t index) {
    std::int64_t at = 0;
    for (std::size_t d = loops.size(); d-- > 0;) {
      at += index % loops[d].size * loops[d].stride;
      index /= loops[d].size;
    }
    return at;
  }
};

// `axes`: counted from the front or the back, all when empty.
ReduceLoops reduce_loops(const Shape& in, std::span<const std::int64_t> axes);

}  // namespace nacre::cpu
