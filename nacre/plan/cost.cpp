#include "nacre/plan/cost.h"

#include <algorithm>

#include "nacre/graph/query.h"
#include "nacre/graph/subgraph.h"
#include "nacre/kernels/backend.h"

namespace nacre {
Cost cost_of(Op op, const Attrs& attrs, std::span<const Spec> in, std::span<const Spec> out) {
  if (const CostFn own = op_def(op).cost) return own(attrs, in, out);
  Cost cost;
  // A loop costs what its bodies do; of a choice the branches count together.
  const double times = op == Op::scan ? static_cast<double>(attrs.integer("length")) : 1;
  bool holds_graphs = false;
  for_each_subgraph(attrs, [&](std::string_view, const Graph& graph) {
    const Cost once = cost_of(graph);
    cost.operations += times * once.operations;
    cost.bytes += times * once.bytes;
    holds_graphs = true;
  });
  if (holds_graphs) return cost;
  for (const Spec& s : in) cost.bytes += static_cast<double>(s.bytes());
  for (const Spec& s : out) {
    cost.bytes += static_cast<double>(s.bytes());
    cost.operations += static_cast<double>(s.elements());
  }
  return cost;
}

Cost cost_of(const Graph& graph) {
  Cost total;
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    if (node.op == Op::input || node.op == Op::constant || op_def(node.op).is_view) continue;
    const NodeSpecs specs = specs_of(graph, node);
    const Cost cost = cost_of(node.op, node.attrs, specs.in, specs.out);
    total.operations += cost.operations;
    total.bytes += cost.bytes;
  }
  return total;
}

double estimated_microseconds(const Cost& cost) {
  const BackendFacts& facts = current_backend().facts();
  return std::max(cost.operations / facts.operations_per_microsecond,
                  cost.bytes / facts.bytes_per_microsecond);
}

}  // namespace nacre
