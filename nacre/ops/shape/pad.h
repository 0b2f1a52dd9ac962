// Padding.
#pragma once

#include <utility>

#include "nacre/ops/define/operand.h"

namespace nacre {

// What the added elements are. For an axis with the elements 1 2 3, two added at each side:
enum class PadMode : std::uint8_t {
  constant,   // 0 0 1 2 3 0 0
  edge,       // 1 1 1 2 3 3 3
  reflect,    // 3 2 1 2 3 2 1   (at most size - 1 are added)
  symmetric,  // 2 1 1 2 3 3 2   (at most size)
  circular,   // 2 3 1 2 3 1 2   (at most size)
};

struct PadOptions {
  PadMode mode = PadMode::constant;
  Number value = 0;  // with PadMode::constant; exact in integer dtypes
};

// Adds widths[i].first elements before and widths[i].second after axis i. Negative widths cut.
// Throws ValueError unless there is a pair for every axis, ShapeError where a mode has too little
// to take from, ValueError for a value that an integer dtype does not hold.
Tensor pad(const Operand& x, const std::vector<std::pair<std::int64_t, std::int64_t>>& widths,
           const PadOptions& options = {});

}  // namespace nacre
