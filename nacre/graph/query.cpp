#include "nacre/graph/query.h"

#include <algorithm>

namespace nacre {
namespace {

// Calls f(value) for the inputs of a node, each value once. Lists of inputs are short but for a few
// ops; the mark of the last node that read a value keeps also long ones linear.
template <class F>
void for_each_input_once(const Graph& graph, NodeId n, std::vector<NodeId>& last, F&& f) {
  for (const ValueId v : graph.inputs(n)) {
    if (last[v] == n) continue;
    last[v] = n;
    f(v);
  }
}

}  // namespace

SpecList specs_of(const Graph& graph, std::span<const ValueId> values) {
  SpecList specs;
  for (const ValueId v : values) specs.push_back(graph.spec(v));
  return specs;
}

NodeSpecs specs_of(const Graph& graph, const Node& node) {
  NodeSpecs specs{specs_of(graph, graph.inputs(node)), {}};
  for (std::uint32_t i = 0; i < node.output_count; ++i) {
    specs.out.push_back(graph.spec(node.first_output + i));
  }
  return specs;
}

Readers::Readers(const Graph& graph)
    : first_(graph.value_count() + 1, 0), is_result_(graph.value_count(), false) {
  const auto end = static_cast<NodeId>(graph.node_count());
  std::vector<NodeId> last(graph.value_count(), kNoId);
  for (NodeId n = 0; n < end; ++n) {
    for_each_input_once(graph, n, last, [&](ValueId v) { ++first_[v + 1]; });
  }
  for (std::size_t v = 0; v < graph.value_count(); ++v) first_[v + 1] += first_[v];
  nodes_.resize(first_.back());
  std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
  last.assign(graph.value_count(), kNoId);
  for (NodeId n = 0; n < end; ++n) {
    for_each_input_once(graph, n, last, [&](ValueId v) { nodes_[next[v]++] = n; });
  }
  for (const ValueId v : graph.results()) is_result_[v] = true;
}

NodeId Readers::only(ValueId v) const {
  return of(v).size() == 1 && !is_result_[v] ? of(v)[0] : kNoId;
}

}  // namespace nacre
