// The inner loops of reductions over contiguous floats.
#pragma once

#include <cstddef>

#include "nacre/base/dtype.h"

namespace nacre::cpu {

enum class Reduction { sum, product, squares, max, min, any, all };

// Values are accumulated in blocks: in the dtype within a block, in double from block to block, so
// that the error of an f32 sum does not grow with its length. A product and a sum of squares are in
// double throughout: f32 would overflow on the way to a result that it holds. max and min of a NaN
// are NaN.
struct ReduceFunctions {
  // `so_far` with n contiguous elements.
  double (*row)(const void* x, std::size_t n, double so_far);
  // so_far[c] with x[r * stride + c] for all rows r and all columns c < width <= kReduceWidth.
  void (*columns)(const void* x, std::size_t rows, std::size_t stride, std::size_t width,
                  double* so_far);
  double start;  // of nothing at all
};
inline constexpr std::size_t kReduceWidth = 512;

// For f32 and f64; sum, product, squares, max, min.
ReduceFunctions reduce_functions(Reduction reduction, DType dtype);

// The index of the first largest (smallest) of n contiguous elements; of the first NaN if any.
std::size_t first_extreme(const float* x, std::size_t n, bool largest);

}  // namespace nacre::cpu
