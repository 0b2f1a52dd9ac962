// Order. All sorts are stable; NaN counts as larger than every number.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct SortOptions {
  int axis = -1;
  bool descending = false;
};
// The sorted values and, as i64, where each came from. The gradient goes back to those places.
struct Sorted {
  Tensor values;
  Tensor indices;
};
Sorted sort_with_indices(const Operand& x, const SortOptions& options = {});
Tensor sort(const Operand& x, const SortOptions& options = {});
// The order that sorts x: take_along_axis(x, argsort(x), -1) is sorted. No gradient.
Tensor argsort(const Operand& x, const SortOptions& options = {});

struct TopKOptions {
  int axis = -1;
  bool largest = true;
};
// The k largest (or smallest) values, best first, and their indices.
Sorted top_k(const Operand& x, std::int64_t k, const TopKOptions& options = {});

struct SearchOptions {
  bool right = false;  // after equal elements instead of before them
};
// Where each of `values` would be inserted into the ascending last axis of `sorted`, as i64. The
// leading axes are equal, or `sorted` is a vector.
Tensor searchsorted(const Operand& sorted, const Operand& values,
                    const SearchOptions& options = {});

}  // namespace nacre
