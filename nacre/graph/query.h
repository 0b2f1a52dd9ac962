// What passes, plans and gradients ask of a graph.
#pragma once

#include "nacre/graph/graph.h"

namespace nacre {

SpecList specs_of(const Graph& graph, std::span<const ValueId> values);

// The specs of a node's operands.
struct NodeSpecs {
  SpecList in;
  SpecList out;
};
NodeSpecs specs_of(const Graph& graph, const Node& node);

// The contents of a `constant` node.
inline const Constant& constant_of(const Node& node) {
  return static_cast<const Constant&>(node.attrs.payload("value"));
}

// Which nodes read each value of a graph. Takes time and memory in proportion to the graph.
class Readers {
 public:
  explicit Readers(const Graph& graph);

  // In order, each once, however often it reads the value.
  std::span<const NodeId> of(ValueId v) const {
    return {nodes_.data() + first_[v], first_[v + 1] - first_[v]};
  }
  bool is_result(ValueId v) const { return is_result_[v]; }
  // The one node that reads the value; kNoId when there are others, none, or it is a result.
  NodeId only(ValueId v) const;

 private:
  std::vector<std::size_t> first_;  // of each value in nodes_
  std::vector<NodeId> nodes_;
  std::vector<bool> is_result_;
};

}  // namespace nacre
