// Functions that put the elements of a tensor in other places, or repeat them.
#pragma once

#include "nacre/ops/shape/concat.h"

namespace nacre {

// Moves axes to new places; the others keep their order (NumPy's moveaxis).
Tensor moveaxis(const Operand& x, const std::vector<int>& from, const std::vector<int>& to);
inline Tensor moveaxis(const Operand& x, int from, int to) {
  return moveaxis(x, std::vector<int>{from}, std::vector<int>{to});
}
Tensor swap_axes(const Operand& x, int a, int b);
// Joins the axes first..last to one.
Tensor flatten(const Operand& x, int first = 0, int last = -1);

// Shifts elements along axes; what leaves at one end comes back at the other. shifts[i] belongs to
// axes[i]; without axes the flattened tensor is shifted by shifts[0].
Tensor roll(const Operand& x, const std::vector<std::int64_t>& shifts, const Axes& axes = {});

// The whole tensor repeats[i] times along axis i; missing repeats in front count as 1 (NumPy).
Tensor tile(const Operand& x, const std::vector<std::int64_t>& repeats);
// Each element `count` times along an axis.
Tensor repeat(const Operand& x, std::int64_t count, int axis);
// Element i counts[i] times along an axis.
Tensor repeat(const Operand& x, const std::vector<std::int64_t>& counts, int axis);

enum class MeshOrder : std::uint8_t { ij, xy };
// Vectors as the axes of a grid: tensor i holds the i-th coordinate of every point. With `xy` the
// first two axes are swapped, as for images.
Tensors meshgrid(const OperandList& vectors, MeshOrder order = MeshOrder::ij);

}  // namespace nacre
