#include "nacre/graph/subgraph.h"

#include <fmt/format.h>

#include <algorithm>

namespace nacre {
namespace {

std::size_t hash_of(const Graph& graph) {
  std::size_t h = mix_hash(graph.node_count(), graph.arguments().size());
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    h = mix_hash(mix_hash(h, static_cast<std::size_t>(node.op)), node.attrs.hash());
    for (const ValueId v : graph.inputs(node)) h = mix_hash(h, v);
  }
  for (const ValueId v : graph.arguments()) h = mix_hash(h, v);
  for (const ValueId v : graph.results()) h = mix_hash(h, v);
  return h;
}

}  // namespace

Subgraph::Subgraph(Graph graph) : graph_(std::move(graph)), hash_(hash_of(graph_)) {}

bool Subgraph::equal(const Payload& other) const {
  const auto* s = dynamic_cast<const Subgraph*>(&other);
  if (!s || s->hash_ != hash_) return false;
  const Graph& a = graph_;
  const Graph& b = s->graph_;
  if (a.node_count() != b.node_count() || a.value_count() != b.value_count() ||
      a.arguments() != b.arguments() || a.results() != b.results()) {
    return false;
  }
  for (NodeId n = 0; n < a.node_count(); ++n) {
    const Node& x = a.node(n);
    const Node& y = b.node(n);
    if (x.op != y.op || !(x.attrs == y.attrs) || !std::ranges::equal(a.inputs(x), b.inputs(y))) {
      return false;
    }
  }
  for (ValueId v = 0; v < a.value_count(); ++v) {
    if (!(a.spec(v) == b.spec(v))) return false;
  }
  return true;
}

std::string Subgraph::text() const { return fmt::format("<{} nodes>", graph_.node_count()); }

const Graph& subgraph(const Attrs& attrs, std::string_view key) {
  const auto* s = dynamic_cast<const Subgraph*>(&attrs.payload(key));
  if (!s) throw InternalError(fmt::format("attribute \"{}\" is no graph", key));
  return s->graph();
}

void for_each_subgraph(const Attrs& attrs,
                       const std::function<void(std::string_view, const Graph&)>& f) {
  for (const auto& [key, value] : attrs.entries()) {
    const auto* payload = std::get_if<PayloadPtr>(&value);
    const auto* s = payload ? dynamic_cast<const Subgraph*>(payload->get()) : nullptr;
    if (s) f(key, s->graph());
  }
}

}  // namespace nacre
