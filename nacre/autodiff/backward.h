// Reverse-mode differentiation: a walk over a graph that calls each op's gradient rule. It knows no
// op by name but stop_gradient. Griewank and Walther, "Evaluating Derivatives", ch. 3.
#pragma once

#include <functional>

#include "nacre/ops/define/op_def.h"

namespace nacre {

// Which nodes are walked, and the line to blame where no op is at fault.
struct BackwardRange {
  NodeId first = 0;
  NodeId end = kNoId;  // the first node beyond; kNoId: all that exist
  Location location;
};

// The gradients of `targets`, weighted with `cotangents` (one a target, of its spec), with respect
// to `sources`, all values of `graph`. `tensor_of` gives the tensor of a value; gradient rules
// compute on these tensors, so the result is concrete or traced as they are. A source that does not
// influence the targets gets zeros.
//
// Throws GradientError when nothing differentiable leads from the sources to the targets because an
// op in between has no gradient: it names the op, the user's line and what to use instead; also
// when an op on the way has none at all. Throws DTypeError when no target is floating point.
Tensors backward(const Graph& graph, const std::function<Tensor(ValueId)>& tensor_of,
                 std::span<const ValueId> targets, std::span<const Tensor> cotangents,
                 std::span<const ValueId> sources, const BackwardRange& range = {});

}  // namespace nacre
