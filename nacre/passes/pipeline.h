// The passes from a traced graph to the one that is planned: functions Graph -> Graph, each
// verified. None of them changes what is computed by more than the sign of a zero and the order in
// which a fast kernel adds.
#pragma once

#include <functional>
#include <string_view>

#include "nacre/graph/graph.h"
#include "nacre/kernels/backend.h"

namespace nacre {

// The functions of the table, each in a file of its own.
#define NACRE_PASS(name, function, stage, what) Graph function(const Graph& graph);
#include "nacre/passes/passes.def"
#undef NACRE_PASS

// fuse_elementwise whether a kernel runs a region or only the reference does; for tests.
Graph fuse_elementwise_always(const Graph& graph);

// Whether every backend shares a pass, or those that ask for it have it.
enum class Stage : std::uint8_t { shared, lowering };

using PassFn = Graph (*)(const Graph&);
struct Pass {
  std::string_view name;
  PassFn run;
  Stage stage;
  std::string_view what;  // for the documentation
};

// All rows of passes.def.
std::span<const Pass> pass_table();
// All passes in their order: those that every backend shares, then what the current one wants
// (Backend::lower). Throws InternalError for a name of its list that is no row.
std::vector<Pass> default_passes(const PassOptions& options = {});
// Runs them, then on the graphs that nodes hold; `watch` (may be empty) sees the graph after each.
Graph run_passes(const Graph& graph, std::span<const Pass> passes,
                 const std::function<void(std::string_view, const Graph&)>& watch = {});

}  // namespace nacre
