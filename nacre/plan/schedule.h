// The order in which a graph's nodes run.
#pragma once

#include <vector>

#include "nacre/graph/graph.h"

namespace nacre {

// A result that may be written over an argument of the same spec: a Variable's next value.
struct Donation {
  std::size_t argument;
  std::size_t result;
};

// The same graph with its nodes in an order that needs less memory where one is found: an update
// runs as soon as its gradient is known, after all other readers of what it overwrites.
Graph schedule(const Graph& graph, const std::vector<Donation>& donations);

// For each value the one whose memory it is seen through: itself, or what a view looks at.
std::vector<ValueId> view_roots(const Graph& graph);

// The largest sum of bytes of values alive at once in the graph's own order, arguments, constants
// and results not counted.
std::size_t peak_bytes(const Graph& graph);

}  // namespace nacre
