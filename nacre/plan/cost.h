// What a step costs.
#pragma once

#include "nacre/ops/define/op_def.h"

namespace nacre {

// The op's own cost, or one operation an output element and all operands touched once.
Cost cost_of(Op op, const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out);
// The sum over the nodes of a graph.
Cost cost_of(const Graph& graph);

// A rough time on one thread of the current backend, to choose thread counts with: at its speed of
// arithmetic or of memory, whatever takes longer.
double estimated_microseconds(const Cost& cost);

}  // namespace nacre
