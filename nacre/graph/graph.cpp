#include "nacre/graph/graph.h"

#include <fmt/format.h>

namespace nacre {

NodeId Graph::add(Op op, Attrs attrs, std::span<const ValueId> inputs,
                  std::span<const Spec> outputs, const Origin& origin) {
  const NodeId id = static_cast<NodeId>(nodes_.size());
  Node node{.op = op,
            .attrs = std::move(attrs),
            .first_input = static_cast<std::uint32_t>(operands_.size()),
            .input_count = static_cast<std::uint32_t>(inputs.size()),
            .first_output = static_cast<ValueId>(values_.size()),
            .output_count = static_cast<std::uint32_t>(outputs.size()),
            .layer = intern_layer(origin.layer),
            .location = origin.location,
            .derived = origin.derived};
  for (const ValueId input : inputs) {
    if (input >= values_.size()) {
      throw InternalError(
          fmt::format("graph: {} uses value %{} before it exists", name_of(op), input));
    }
  }
  operands_.insert(operands_.end(), inputs.begin(), inputs.end());
  for (std::uint32_t i = 0; i < outputs.size(); ++i) values_.push_back({outputs[i], id, i});
  nodes_.push_back(std::move(node));
  return id;
}

std::uint32_t Graph::intern_layer(std::string_view path) {
  if (layers_[last_layer_] == path) return last_layer_;
  const auto [found, is_new] =
      layer_ids_.try_emplace(std::string(path), static_cast<std::uint32_t>(layers_.size()));
  if (is_new) layers_.emplace_back(path);
  return last_layer_ = found->second;
}

std::vector<std::uint32_t> Graph::use_counts() const {
  std::vector<std::uint32_t> counts(values_.size(), 0);
  for (const ValueId id : operands_) ++counts[id];
  for (const ValueId id : results_) ++counts[id];
  return counts;
}

namespace {
std::string value_list(const Graph& graph, std::span<const ValueId> ids) {
  std::string out;
  for (const ValueId id : ids) {
    fmt::format_to(std::back_inserter(out), "{}%{} {}", out.empty() ? "" : ", ", id,
                   to_string(graph.spec(id)));
  }
  return out;
}
}  // namespace

std::string to_text(const Graph& graph) {
  std::string out;
  auto append = std::back_inserter(out);
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    const Node& node = graph.node(id);
    std::string names;
    std::string specs;
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      const ValueId v = graph.output(id, i);
      fmt::format_to(std::back_inserter(names), "{}%{}", i ? ", " : "", v);
      fmt::format_to(std::back_inserter(specs), "{}{}", i ? ", " : "", to_string(graph.spec(v)));
    }
    fmt::format_to(append, "{} = {}{}({}) -> {}", names, name_of(node.op), to_string(node.attrs),
                   value_list(graph, graph.inputs(node)), specs);
    const std::string where = to_string(node.location);
    if (node.layer || !where.empty()) {
      fmt::format_to(append, "  # {}{}{}", graph.layer(node), node.layer ? " " : "", where);
    }
    out += '\n';
  }
  fmt::format_to(append, "return {}\n", value_list(graph, graph.results()));
  return out;
}

std::string to_dot(const Graph& graph) {
  std::string out = "digraph nacre {\n  node [shape=box, fontname=\"Helvetica\"];\n";
  auto append = std::back_inserter(out);
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    const Node& node = graph.node(id);
    fmt::format_to(append, "  n{} [label=\"{}\\n{}\"];\n", id, name_of(node.op),
                   node.output_count ? to_string(graph.spec(graph.output(id))) : "");
    for (const ValueId input : graph.inputs(node)) {
      fmt::format_to(append, "  n{} -> n{};\n", graph.value(input).producer, id);
    }
  }
  for (std::size_t i = 0; i < graph.results().size(); ++i) {
    fmt::format_to(append, "  r{} [label=\"result {}\", shape=ellipse];\n  n{} -> r{};\n", i, i,
                   graph.value(graph.results()[i]).producer, i);
  }
  return out + "}\n";
}

}  // namespace nacre
