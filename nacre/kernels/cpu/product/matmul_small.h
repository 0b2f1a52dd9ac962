// Our own matrix product of f32 and f64: for small f32 ones, where a library's setting up costs
// more than the product, and for all f64 ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nacre/base/dtype.h"

namespace nacre::cpu {

// c [m, n] (rows ldc apart) = a b (+ bias of each column, unless null). Element (i, k) of a is at
// a[i * a_row + k * a_column], likewise b.
struct ProductArguments {
  const void* a;
  const void* b;
  void* c;
  const void* bias;
  std::int64_t m, n, k;
  std::int64_t a_row, a_column;
  std::int64_t b_row, b_column;
  std::int64_t ldc;
  void* panel;  // product_panel_bytes(), 64-byte aligned
};
using ProductFn = void (*)(const ProductArguments&);

// For f32 and f64.
ProductFn product_function(DType dtype);
std::size_t product_panel_bytes();

}  // namespace nacre::cpu
