// Reverse-mode differentiation: a walk over a graph that calls each op's gradient rule. It knows no
// op by name. Griewank and Walther, "Evaluating Derivatives", ch. 3.
#pragma once

#include <functional>

#include "nacre/ops/op_def.h"

namespace nacre {

// The gradients of `targets`, weighted with `cotangents` (one a target, of its spec), with respect
// to `sources`, all values of `graph`. `tensor_of` gives the tensor of a value; gradient rules
// compute on these tensors, so the result is concrete or traced as they are. A source that does not
// influence the targets gets zeros.
//
// Throws GradientError when nothing differentiable leads from the sources to the targets because an
// op in between has no gradient: it names the op, the user's line and what to use instead.
Tensors backward(const Graph& graph, const std::function<Tensor(ValueId)>& tensor_of,
                 std::span<const ValueId> targets, std::span<const Tensor> cotangents,
                 std::span<const ValueId> sources);

}  // namespace nacre
