// Running reductions along an axis.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct ScanOptions {
  bool reverse = false;    // from the last element to the first
  bool exclusive = false;  // element i leaves itself out: it starts with 0 (cumprod: 1)
};
// Booleans and narrow integers are summed as i64, as by sum.
Tensor cumsum(const Operand& x, int axis, const ScanOptions& options = {});
// The gradient is exact where elements are zero.
Tensor cumprod(const Operand& x, int axis, const ScanOptions& options = {});

// The largest (smallest) value so far and where it stands (i64; the last of equal ones).
struct Extremes {
  Tensor values;
  Tensor indices;
};
Extremes cummax(const Operand& x, int axis);
Extremes cummin(const Operand& x, int axis);

}  // namespace nacre
