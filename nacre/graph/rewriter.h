// GraphRewriter: a new graph built from an old one, node by node.
#pragma once

#include "nacre/graph/graph.h"

namespace nacre {

class GraphRewriter {
 public:
  explicit GraphRewriter(const Graph& from);

  const Graph& from() const { return from_; }
  Graph& graph() { return to_; }
  const Graph& graph() const { return to_; }

  // The new value that stands for an old one. Throws InternalError when there is none yet.
  ValueId mapped(ValueId old) const;
  // Those that stand for the inputs of an old node.
  InlineVector<ValueId, 8> mapped_inputs(NodeId old) const;
  bool maps(ValueId old) const { return map_[old] != kNoId; }
  void map(ValueId old, ValueId replacement) { map_[old] = replacement; }
  // Maps all outputs of an old node to consecutive new values.
  void map_outputs(NodeId old, ValueId first);

  // Copies an old node with mapped inputs and maps its outputs.
  void copy(NodeId old);
  // The same with other inputs (new values).
  void copy(NodeId old, std::span<const ValueId> inputs);
  // Puts another node in the place of an old one, whose origin and number of outputs it has; its
  // inputs are new values.
  void replace(NodeId old, Op op, const Attrs& attrs, std::span<const ValueId> inputs);
  // Appends a new node whose outputs are inferred; returns its first output.
  ValueId add(Op op, const Attrs& attrs, std::span<const ValueId> inputs, const Origin& origin);

  // Maps the arguments and results and hands over the graph.
  Graph finish();

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> map_;
};

}  // namespace nacre
