// Tensors as text, by NumPy's rules.
#pragma once

#include "nacre/tensor/tensor.h"

namespace nacre {

struct PrintOptions {
  int precision = 8;              // at most this many digits after the point
  std::int64_t threshold = 1000;  // of more elements only the edges are shown
  int edge_items = 3;             // how many at each edge
  int line_width = 75;            // longer lines are broken
  std::string separator = " ";    // between elements
  bool suppress_small = false;    // never use exponents for small numbers
};

// Floats get the fewest digits that tell them apart from their neighbours, all of a tensor in one
// format: with exponents when the largest is 1e8 or more, the smallest below 1e-4, or their ratio
// above 1000. A traced tensor is named by its spec and value number.
std::string to_string(const Tensor& tensor, const PrintOptions& options);

// "tensor([[1., 2.],\n        [3., 4.]], dtype=f32, shape=[2,2])".
std::string repr(const Tensor& tensor, const PrintOptions& options = {});

}  // namespace nacre
