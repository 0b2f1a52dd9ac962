#include <algorithm>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op_def.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

std::size_t hash_of(Op op, const Attrs& attrs, std::span<const ValueId> inputs) {
  std::size_t h = mix_hash(static_cast<std::size_t>(op), attrs.hash());
  for (const ValueId v : inputs) h = mix_hash(h, v);
  return h;
}

}  // namespace

Graph merge_common(const Graph& graph) {
  GraphRewriter to(graph);
  std::unordered_multimap<std::size_t, NodeId> seen;  // nodes of the new graph
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    if (node.op == Op::input || op_def(node.op).name == "optimization_barrier") {
      to.copy(n);
      continue;
    }
    const auto inputs = to.mapped_inputs(n);
    const std::size_t hash = hash_of(node.op, node.attrs, inputs);
    NodeId same = kNoId;
    const auto [first, last] = seen.equal_range(hash);
    for (auto it = first; it != last && same == kNoId; ++it) {
      const Node& other = to.graph().node(it->second);
      const auto other_inputs = to.graph().inputs(other);
      if (other.op == node.op && other.attrs == node.attrs &&
          std::equal(inputs.begin(), inputs.end(), other_inputs.begin(), other_inputs.end())) {
        same = it->second;
      }
    }
    if (same == kNoId) {
      to.copy(n, inputs);
      if (node.output_count > 0) {
        seen.emplace(hash, to.graph().value(to.mapped(graph.output(n))).producer);
      }
      continue;
    }
    to.map_outputs(n, to.graph().output(same));
  }
  return to.finish();
}

}  // namespace nacre
