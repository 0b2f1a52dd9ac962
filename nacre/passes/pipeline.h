// The passes from a traced graph to the one that is planned: functions Graph -> Graph, each
// verified.
#pragma once

#include <functional>
#include <string_view>

#include "nacre/graph/graph.h"

namespace nacre {

using PassFn = Graph (*)(const Graph&);
struct Pass {
  std::string_view name;
  PassFn run;
};

// All passes in their order.
std::span<const Pass> default_passes();
// Runs them; `watch` (may be empty) sees the graph after each.
Graph run_passes(const Graph& graph, std::span<const Pass> passes,
                 const std::function<void(std::string_view, const Graph&)>& watch = {});

// Copies a graph node by node; passes build on it.
class GraphRewriter {
 public:
  explicit GraphRewriter(const Graph& from);

  Graph& graph() { return to_; }
  // The new value that stands for an old one. Throws InternalError when there is none yet.
  ValueId mapped(ValueId old) const;
  void map(ValueId old, ValueId replacement) { map_[old] = replacement; }
  // Copies an old node with mapped inputs and maps its outputs.
  void copy(NodeId old);
  // Appends a new node whose outputs are inferred; returns its first output.
  ValueId add(Op op, const Attrs& attrs, std::span<const ValueId> inputs, const Origin& origin);
  // Maps the arguments and results and hands over the graph.
  Graph finish();

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> map_;
};

// The passes.
Graph remove_dead_code(const Graph& graph);

}  // namespace nacre
