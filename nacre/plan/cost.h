// What a step costs, and how many threads it deserves.
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

// One thread for each 25 microseconds of work, at least 1, at most `most`: waking a team costs
// several microseconds.
int threads_for(const Cost& cost, int most);

}  // namespace nacre
