// Subgraph: a graph as an attribute of a node, such as the body of a loop.
#pragma once

#include <functional>

#include "nacre/graph/graph.h"

namespace nacre {

class Subgraph final : public Payload {
 public:
  explicit Subgraph(Graph graph);
  const Graph& graph() const { return graph_; }
  std::size_t hash() const override { return hash_; }
  bool equal(const Payload& other) const override;  // node by node, whatever their lines
  std::string text() const override;                // "<12 nodes>"

 private:
  Graph graph_;
  std::size_t hash_;
};

// The graph that an attribute holds; InternalError when it holds something else.
const Graph& subgraph(const Attrs& attrs, std::string_view key);
inline Attr subgraph_attr(Graph graph) {
  return PayloadPtr(std::make_shared<Subgraph>(std::move(graph)));
}

// Calls f(key, graph) for every graph among the attributes.
void for_each_subgraph(const Attrs& attrs,
                       const std::function<void(std::string_view, const Graph&)>& f);

}  // namespace nacre
