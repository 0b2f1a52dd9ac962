// Counting: distinct elements, occurrences, histograms.
#pragma once

#include <optional>

#include "nacre/ops/define/operand.h"

namespace nacre {

struct Unique {
  Tensor values;   // ascending (slices in lexicographic order)
  Tensor first;    // i64: where each stands first
  Tensor inverse;  // i64: which of `values` each element is; of x's shape (with an axis: a vector)
  Tensor counts;   // i64: how often each occurs
};
// The distinct elements of x flattened, or the distinct slices along an axis. NaN equals NaN. Not
// for traced tensors (TraceError): the shapes depend on the values.
Unique unique(const Operand& x, std::optional<int> axis = std::nullopt);

struct BincountOptions {
  Tensor weights = {};          // summed instead of ones, if defined
  std::int64_t min_length = 0;  // of the result, which holds at least the largest number
  // The result's size if it is known: then x may be traced. Larger numbers throw ValueError.
  std::optional<std::int64_t> length = {};
};
// How often each whole number occurs in x: i64, or the weights' dtype.
Tensor bincount(const Operand& x, const BincountOptions& options = {});

struct Histogram {
  Tensor counts;  // i64 [bins]
  Tensor edges;   // [bins + 1]
};
// How many elements fall into each of `bins` bins of equal width from low to high; the last bin
// holds `high` too, elements outside (and NaN) are not counted. Throws ValueError unless low <
// high.
Histogram histogram(const Operand& x, std::int64_t bins, double low, double high);
// The same from the smallest to the largest element; not for traced tensors.
Histogram histogram(const Operand& x, std::int64_t bins = 10);

}  // namespace nacre
