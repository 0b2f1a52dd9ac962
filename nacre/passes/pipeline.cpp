#include "nacre/passes/pipeline.h"

#include <fmt/format.h>

#include "nacre/ops/emit.h"

namespace nacre {

std::vector<Pass> default_passes(const PassOptions& options) {
  std::vector<Pass> passes = {
      {"dead_code", remove_dead_code},        {"simplify", simplify},
      {"merge_common", merge_common},         {"simplify", simplify},
      {"dead_code", remove_dead_code},        {"fuse_epilogues", fuse_epilogues},
      {"fuse_pool_stages", fuse_pool_stages},
  };
  if (options.bfloat16) {
    passes.push_back({"lower_to_bfloat16", lower_to_bfloat16});
    passes.push_back({"merge_common", merge_common});
  }
  passes.push_back({"dead_code", remove_dead_code});
  if (options.fuse) passes.push_back({"fuse_elementwise", fuse_elementwise});
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
  return current;
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
