#include <cstring>
#include <map>

#include "nacre/graph/query.h"
#include "nacre/ops/control/control.h"

namespace nacre {

void run_by_references(const Graph& graph, std::span<const void* const> arguments,
                       std::span<void* const> results) {
  std::vector<Buffer> memory;
  std::vector<void*> at(graph.value_count());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    at[graph.arguments()[i]] = const_cast<void*>(arguments[i]);
  }
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    if (node.op == Op::input) continue;
    if (node.op == Op::constant) {
      at[graph.output(n)] = constant_of(node).data().data();
      continue;
    }
    const NodeSpecs specs = specs_of(graph, node);
    std::vector<const void*> in_pointers;
    std::vector<void*> out_pointers;
    for (const ValueId v : graph.inputs(node)) in_pointers.push_back(at[v]);
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      const ValueId v = graph.output(n, i);
      memory.push_back(Buffer::allocate(graph.spec(v).bytes()));
      at[v] = memory.back().data();
      out_pointers.push_back(at[v]);
    }
    op_def(node.op).reference(
        {node.attrs, specs.in, specs.out, in_pointers.data(), out_pointers.data()});
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ValueId v = graph.results()[i];
    if (graph.spec(v).bytes()) std::memcpy(results[i], at[v], graph.spec(v).bytes());
  }
}

}  // namespace nacre
