// Elements chosen by tensors of integers. Negative indices count from the back, but for embedding;
// an index out of range throws ValueError when the op runs, with its value, its place and the size
// of the axis.
#pragma once

#include <optional>

#include "nacre/ops/define/operand.h"

namespace nacre {

// Slices of one axis: the result has the shape of `indices` in place of that axis (NumPy's take,
// ONNX's Gather). The gradient sums what came from the same place.
Tensor gather(const Operand& x, const Operand& indices, int axis = 0);
// The same for a vector of indices.
Tensor index_select(const Operand& x, const Operand& indices, int axis);
// Elements in their own places but for `axis`: out[i][j] = x[i][indices[i][j]] for axis 1. The
// shapes broadcast to each other outside of `axis`.
Tensor take_along_axis(const Operand& x, const Operand& indices, int axis);
// The last axis of `indices` holds the leading coordinates of what is taken (ONNX's GatherND).
Tensor gather_nd(const Operand& x, const Operand& indices);

struct EmbeddingOptions {
  // A row whose gradient stays zero, and thus the row as it was initialised; -1 is the last row.
  std::optional<std::int64_t> padding_index;
};
// Rows of `table` [rows, features] for each element of `indices`, which name rows from 0 on: an
// index out of range, negative ones included, throws ValueError when the op runs.
Tensor embedding(const Operand& table, const Operand& indices,
                 const EmbeddingOptions& options = {});

}  // namespace nacre
