#include "nacre/passes/pipeline.h"

#include <fmt/format.h>

#include "nacre/graph/rewriter.h"
#include "nacre/graph/subgraph.h"
#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

constexpr Pass kPasses[] = {
#define NACRE_PASS(name, function, stage, what) {#name, function, Stage::stage, what},
#include "nacre/passes/passes.def"
#undef NACRE_PASS
};

Pass pass_of(const Lowering& wanted) {
  if (wanted.run) return {wanted.name, wanted.run, Stage::lowering, ""};
  for (const Pass& pass : kPasses) {
    if (pass.name == wanted.name) return pass;
  }
  throw InternalError(
      fmt::format("backend {}: no pass is named \"{}\"", current_backend().name(), wanted.name));
}

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
    if (pass.stage == Stage::shared) passes.push_back(pass);
  }
  for (const Lowering& wanted : current_backend().lower(options)) {
    passes.push_back(pass_of(wanted));
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
