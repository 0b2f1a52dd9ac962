// The passes from a traced graph to the one that is planned: functions Graph -> Graph, each
// verified. None of them changes what is computed by more than the sign of a zero and the order in
// which a fast kernel adds.
#pragma once

#include <functional>
#include <string_view>

#include "nacre/graph/graph.h"

namespace nacre {

// The functions of the table, each in a file of its own.
#define NACRE_PASS(name, function, when, what) Graph function(const Graph& graph);
#include "nacre/passes/passes.def"
#undef NACRE_PASS

// fuse_elementwise whether a kernel runs a region or only the reference does; for tests.
Graph fuse_elementwise_always(const Graph& graph);

struct PassOptions {
  bool bfloat16 = false;  // products and convolutions of f32 in bf16
  bool fuse = true;       // elementwise regions as one node
};

using PassFn = Graph (*)(const Graph&);
struct Pass {
  std::string_view name;
  PassFn run;
  std::string_view when;  // the option it needs, or "always"
  std::string_view what;  // for the documentation
  bool (*wanted)(const PassOptions&);
};

// All rows of passes.def.
std::span<const Pass> pass_table();
// Those that the options ask for, in their order.
std::vector<Pass> default_passes(const PassOptions& options = {});
// Runs them, then on the graphs that nodes hold; `watch` (may be empty) sees the graph after each.
Graph run_passes(const Graph& graph, std::span<const Pass> passes,
                 const std::function<void(std::string_view, const Graph&)>& watch = {});

}  // namespace nacre
