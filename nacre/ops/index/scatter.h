// Tensors with elements at indexed places replaced, added to, or compared. Indices as in gather.h.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// What happens where an update lands, and where several do.
enum class ScatterMode : std::uint8_t {
  set,  // the last update in row-major order stays; the gradient goes to it
  add,
  max,  // the gradient goes in equal parts to all that have the extreme value
  min,
};

// x with updates at slices of one axis; `updates` broadcasts to the shape gather(x, indices, axis)
// has.
Tensor scatter(const Operand& x, const Operand& indices, const Operand& updates, int axis = 0,
               ScatterMode mode = ScatterMode::set);
Tensor scatter_add(const Operand& x, const Operand& indices, const Operand& updates, int axis = 0);
// x with updates where take_along_axis(x, indices, axis) reads (NumPy's put_along_axis).
Tensor put_along_axis(const Operand& x, const Operand& indices, const Operand& updates, int axis,
                      ScatterMode mode = ScatterMode::set);
// x with updates where gather_nd(x, indices) reads (ONNX's ScatterND).
Tensor scatter_nd(const Operand& x, const Operand& indices, const Operand& updates,
                  ScatterMode mode = ScatterMode::set);

// x with `value` where the mask holds; the mask broadcasts.
Tensor masked_fill(const Operand& x, const Operand& mask, const Operand& value);

// Brings x and indices of the along-axis ops to equal sizes beside `axis`, by NumPy's rule.
void broadcast_beside_axis(Tensor& x, Tensor& indices, int axis, const Location& at);

}  // namespace nacre
