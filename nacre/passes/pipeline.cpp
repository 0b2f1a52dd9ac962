#include "nacre/passes/pipeline.h"

#include <fmt/format.h>

#include "nacre/graph/subgraph.h"
#include "nacre/ops/define/emit.h"

namespace nacre {

namespace {

// What a backend may ask for by name.
constexpr Pass kLowering[] = {
    {"dead_code", remove_dead_code},        {"merge_common", merge_common},
    {"fuse_epilogues", fuse_epilogues},     {"fuse_pool_stages", fuse_pool_stages},
    {"fuse_elementwise", fuse_elementwise}, {"lower_to_bfloat16", lower_to_bfloat16},
};

Pass pass_of(const Lowering& wanted) {
  if (wanted.run) return {wanted.name, wanted.run};
  for (const Pass& pass : kLowering) {
    if (pass.name == wanted.name) return pass;
  }
  throw InternalError(
      fmt::format("backend {}: no pass is named \"{}\"", current_backend().name(), wanted.name));
}

}  // namespace

std::vector<Pass> default_passes(const PassOptions& options) {
  std::vector<Pass> passes = {
      {"dead_code", remove_dead_code}, {"simplify_loops", simplify_loops},
      {"simplify", simplify},          {"merge_common", merge_common},
      {"simplify", simplify},          {"dead_code", remove_dead_code},
  };
  for (const Lowering& wanted : current_backend().lower(options)) passes.push_back(pass_of(wanted));
  return passes;
}

namespace {

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
    if (next != changed.end() && next->first == n) {
      InlineVector<ValueId, 8> inputs;
      for (const ValueId v : graph.inputs(n)) inputs.push_back(to.mapped(v));
      const ValueId first =
          to.add(graph.node(n).op, next->second, inputs, graph.origin(graph.node(n)));
      for (std::uint32_t i = 0; i < graph.node(n).output_count; ++i) {
        to.map(graph.output(n, i), first + i);
      }
      ++next;
    } else {
      to.copy(n);
    }
  }
  return to.finish();
}

}  // namespace

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

GraphRewriter::GraphRewriter(const Graph& from) : from_(from), map_(from.value_count(), kNoId) {}

ValueId GraphRewriter::mapped(ValueId old) const {
  if (map_[old] == kNoId) throw InternalError(fmt::format("rewrite: value %{} is not mapped", old));
  return map_[old];
}

void GraphRewriter::copy(NodeId old) {
  InlineVector<ValueId, 8> inputs;
  for (const ValueId v : from_.inputs(old)) inputs.push_back(mapped(v));
  copy(old, inputs);
}

void GraphRewriter::copy(NodeId old, std::span<const ValueId> inputs) {
  const Node& node = from_.node(old);
  SpecList outputs;
  for (std::uint32_t i = 0; i < node.output_count; ++i) {
    outputs.push_back(from_.spec(from_.output(old, i)));
  }
  const NodeId id = to_.add(node.op, node.attrs, inputs, outputs, from_.origin(node));
  for (std::uint32_t i = 0; i < node.output_count; ++i) {
    map_[from_.output(old, i)] = to_.output(id, i);
  }
}

ValueId GraphRewriter::add(Op op, const Attrs& attrs, std::span<const ValueId> inputs,
                           const Origin& origin) {
  SpecList specs;
  for (const ValueId v : inputs) specs.push_back(to_.spec(v));
  return to_.output(
      to_.add(op, attrs, inputs, infer_specs(op, attrs, specs, origin.location), origin));
}

Graph GraphRewriter::finish() {
  for (const ValueId v : from_.arguments()) to_.add_argument(mapped(v));
  std::vector<ValueId> results;
  for (const ValueId v : from_.results()) results.push_back(mapped(v));
  to_.set_results(std::move(results));
  return std::move(to_);
}

}  // namespace nacre
