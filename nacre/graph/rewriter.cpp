#include "nacre/graph/rewriter.h"

#include <fmt/format.h>

#include "nacre/graph/query.h"

namespace nacre {

GraphRewriter::GraphRewriter(const Graph& from) : from_(from), map_(from.value_count(), kNoId) {}

ValueId GraphRewriter::mapped(ValueId old) const {
  if (map_[old] == kNoId) throw InternalError(fmt::format("rewrite: value %{} is not mapped", old));
  return map_[old];
}

InlineVector<ValueId, 8> GraphRewriter::mapped_inputs(NodeId old) const {
  InlineVector<ValueId, 8> inputs;
  for (const ValueId v : from_.inputs(old)) inputs.push_back(mapped(v));
  return inputs;
}

void GraphRewriter::map_outputs(NodeId old, ValueId first) {
  for (std::uint32_t i = 0; i < from_.node(old).output_count; ++i) {
    map_[from_.output(old, i)] = first + i;
  }
}

void GraphRewriter::copy(NodeId old) { copy(old, mapped_inputs(old)); }

void GraphRewriter::copy(NodeId old, std::span<const ValueId> inputs) {
  const Node& node = from_.node(old);
  const SpecList outputs = specs_of(from_, node).out;
  map_outputs(old, to_.output(to_.add(node.op, node.attrs, inputs, outputs, from_.origin(node))));
}

void GraphRewriter::replace(NodeId old, Op op, const Attrs& attrs,
                            std::span<const ValueId> inputs) {
  map_outputs(old, add(op, attrs, inputs, from_.origin(from_.node(old))));
}

ValueId GraphRewriter::add(Op op, const Attrs& attrs, std::span<const ValueId> inputs,
                           const Origin& origin) {
  const SpecList outputs = infer_specs(op, attrs, specs_of(to_, inputs), origin.location);
  return to_.output(to_.add(op, attrs, inputs, outputs, origin));
}

Graph GraphRewriter::finish() {
  for (const ValueId v : from_.arguments()) to_.add_argument(mapped(v));
  std::vector<ValueId> results;
  for (const ValueId v : from_.results()) results.push_back(mapped(v));
  to_.set_results(std::move(results));
  return std::move(to_);
}

}  // namespace nacre
