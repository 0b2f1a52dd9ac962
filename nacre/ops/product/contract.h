// The product of two labelled tensors: what einsum and tensordot are made of.
#pragma once

#include "nacre/ops/define/emit.h"

namespace nacre {

// A tensor with a name for each axis; names within one are distinct.
struct Labelled {
  Tensor tensor;
  std::vector<int> labels;
};

// Sums a * b over every label that `keep` lacks. Axes of equal labels have equal sizes. The labels
// of the result are those kept: of both, then of a only, then of b only.
Labelled contract(const Labelled& a, const Labelled& b, const std::vector<int>& keep,
                  const Location& at);
// Sums over the labels that `keep` lacks.
Labelled sum_labels(const Labelled& x, const std::vector<int>& keep, const Location& at);
// The axes in the order of `labels`, which are all of x's.
Tensor ordered(const Labelled& x, const std::vector<int>& labels, const Location& at);

}  // namespace nacre
