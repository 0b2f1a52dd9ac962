#include "nacre/passes/pipeline.h"

#include "nacre/graph/rewriter.h"
#include "nacre/graph/subgraph.h"
#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

// What stands in the column `when` of the table.
bool always(const PassOptions&) { return true; }
bool bfloat16(const PassOptions& options) { return options.bfloat16; }
bool fuse(const PassOptions& options) { return options.fuse; }

constexpr Pass kPasses[] = {
#define NACRE_PASS(name, function, when, what) {#name, function, #when, what, when},
#include "nacre/passes/passes.def"
#undef NACRE_PASS
};

// The graph with f of each graph that a node holds.
template <class F>
Graph with_subgraphs(const Graph& graph, F&& f) {
  std::vector<std::pair<NodeId, Attrs>> changed;
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    Attrs attrs = graph.node(n).attrs;
    for_each_subgraph(graph.node(n).attrs, [&](std::string_view key, const Graph& body) {
      attrs = attrs.with(key, subgraph_attr(f(body)));
    });
    if (!(attrs == graph.node(n).attrs)) changed.emplace_back(n, std::move(attrs));
  }
  if (changed.empty()) return graph;
  GraphRewriter to(graph);
  auto next = changed.begin();
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    if (next == changed.end() || next->first != n) {
      to.copy(n);
      continue;
    }
    to.replace(n, graph.node(n).op, next->second, to.mapped_inputs(n));
    ++next;
  }
  return to.finish();
}

}  // namespace

std::span<const Pass> pass_table() { return kPasses; }

std::vector<Pass> default_passes(const PassOptions& options) {
  std::vector<Pass> passes;
  for (const Pass& pass : kPasses) {
    if (pass.wanted(options)) passes.push_back(pass);
  }
  return passes;
}

Graph run_passes(const Graph& graph, std::span<const Pass> passes,
                 const std::function<void(std::string_view, const Graph&)>& watch) {
  Graph current = graph;
  for (const Pass& pass : passes) {
    current = pass.run(current);
    verify(current, pass.name);
    if (watch) watch(pass.name, current);
  }
  return with_subgraphs(current,
                        [&](const Graph& body) { return run_passes(body, passes, watch); });
}

}  // namespace nacre
