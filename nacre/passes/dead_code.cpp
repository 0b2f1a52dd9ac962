#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op.h"
#include "nacre/passes/pipeline.h"

namespace nacre {

Graph remove_dead_code(const Graph& graph) {
  std::vector<bool> alive(graph.value_count(), false);
  for (const ValueId v : graph.results()) alive[v] = true;
  std::vector<bool> keep(graph.node_count(), false);
  for (NodeId n = static_cast<NodeId>(graph.node_count()); n-- > 0;) {
    const Node& node = graph.node(n);
    bool used = node.op == Op::input;
    for (std::uint32_t i = 0; i < node.output_count; ++i) used = used || alive[graph.output(n, i)];
    if (!used) continue;
    keep[n] = true;
    for (const ValueId v : graph.inputs(node)) alive[v] = true;
  }
  GraphRewriter rewriter(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    if (keep[n]) rewriter.copy(n);
  }
  return rewriter.finish();
}

}  // namespace nacre
