// What passes ask of a graph's values and of the kernels.
#pragma once

#include <optional>

#include "nacre/graph/query.h"
#include "nacre/tensor/tensor.h"

namespace nacre {

// Whether a kernel other than the reference runs a case, on one thread at least.
bool has_kernel(Op op, const Attrs& attrs, const NodeSpecs& specs);

// The elements of a constant or a fill.
std::optional<Tensor> known_value(const Graph& graph, ValueId v);
// The number that all elements of the value are known to be: of a fill, and of a constant that is
// small enough to look through.
std::optional<Number> uniform_value(const Graph& graph, ValueId v);
bool is_uniform(const Graph& graph, ValueId v, double number);

}  // namespace nacre
