// Slices as Python writes them, and ops that read or replace a strided part of a tensor.
#pragma once

#include <optional>

#include "nacre/ops/define/operand.h"

namespace nacre {

// A bound of a slice that is not given.
struct None {};
inline constexpr None none;

// An end of a slice: a position (negative counts from the back) or `none`.
class Bound {
 public:
  constexpr Bound(None = {}) {}
  constexpr Bound(std::int64_t position) : position_(position) {}
  constexpr bool given() const { return position_.has_value(); }
  constexpr std::int64_t value_or(std::int64_t fallback) const {
    return position_.value_or(fallback);
  }

 private:
  std::optional<std::int64_t> position_;
};

// start:stop:step. A missing start or stop reaches to the end that the step's sign implies; ends
// beyond the axis are clipped, as in Python.
struct Slice {
  Bound start;
  Bound stop;
  std::int64_t step = 1;
};
inline constexpr Slice slice(Bound start, Bound stop, std::int64_t step = 1) {
  return {start, stop, step};
}
// [:]
inline constexpr Slice slice() { return {none, none, 1}; }
// [:stop]
inline constexpr Slice slice(Bound stop) { return {none, stop, 1}; }

// What a slice takes of an axis of a given size: `size` elements from `start` on, `step` apart.
struct SliceRange {
  std::int64_t start = 0;
  std::int64_t size = 0;
  std::int64_t step = 1;
};
// Throws ValueError when the step is zero.
SliceRange resolve(const Slice& slice, std::int64_t axis_size, const Location& at);

// The part of x along one axis; the others stay whole.
Tensor slice_axis(const Operand& x, int axis, const Slice& range);
// The same in ranges that are known to fit, one an axis. For code that computes its own bounds.
Tensor slice_ranges(const Operand& x, const std::vector<SliceRange>& ranges);
// x with the elements of the ranges (one an axis) replaced by `update`, whose shape is their sizes.
Tensor slice_update(const Operand& x, const Operand& update, const std::vector<SliceRange>& ranges);

// x in reverse order along the given axes; along all when none are given.
Tensor flip(const Operand& x, const Axes& axes = {});

}  // namespace nacre
