// How the ops that hold graphs are bound: a plan for each graph, replayed step by step.
#pragma once

#include "nacre/plan/plan.h"

namespace nacre {

// A kernel bound to a node, and the plans within it.
struct BoundStep {
  PreparedKernel kernel;
  std::vector<std::shared_ptr<Plan>> plans;
};

// As prepare_kernel, and for scan, cond and while_loop with plans of their graphs. Running a step
// of these from two threads at once is not safe.
BoundStep bind_step(const KernelQuery& query, const PlanOptions& options);

// How often the graphs of a node run in one step of it, as far as it is known (while_loop: once).
std::int64_t iterations_of(const Node& node);

}  // namespace nacre
