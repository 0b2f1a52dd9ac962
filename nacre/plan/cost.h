// What a step costs.
#pragma once

#include "nacre/ops/define/op_def.h"

namespace nacre {

// The op's own cost, or one operation an output element and all operands touched once.
Cost cost_of(Op op, const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out);
// The sum over the nodes of a graph.
Cost cost_of(const Graph& graph);

// A rough time on one core, to choose thread counts with: 20 Gflop/s or 8 GB/s, whatever is slower.
double estimated_microseconds(const Cost& cost);

}  // namespace nacre
