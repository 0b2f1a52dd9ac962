#include "nacre/graph/graph.h"

#include <fmt/format.h>

#include "nacre/graph/subgraph.h"

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

namespace {

// The graph's lines, and below a node those of the graphs it holds.
void append_text(std::string& out, const Graph& graph, const std::string& indent) {
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
    fmt::format_to(append, "{}{} = {}{}({}) -> {}", indent, names, name_of(node.op),
                   to_string(node.attrs), value_list(graph, graph.inputs(node)), specs);
    const std::string where = to_string(node.location);
    if (node.layer || !where.empty()) {
      fmt::format_to(append, "  # {}{}{}", graph.layer(node), node.layer ? " " : "", where);
    }
    out += '\n';
    for_each_subgraph(node.attrs, [&](std::string_view key, const Graph& body) {
      fmt::format_to(append, "{}  {}({}):\n", indent, key, value_list(body, body.arguments()));
      append_text(out, body, indent + "    ");
    });
  }
  fmt::format_to(append, "{}return {}\n", indent, value_list(graph, graph.results()));
}

// Nodes and edges, each name with the prefix; the graphs that nodes hold as clusters.
void append_dot(std::string& out, const Graph& graph, const std::string& prefix) {
  auto append = std::back_inserter(out);
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    const Node& node = graph.node(id);
    fmt::format_to(append, "  {}n{} [label=\"{}\\n{}\"];\n", prefix, id, name_of(node.op),
                   node.output_count ? to_string(graph.spec(graph.output(id))) : "");
    for (const ValueId input : graph.inputs(node)) {
      fmt::format_to(append, "  {0}n{1} -> {0}n{2};\n", prefix, graph.value(input).producer, id);
    }
    for_each_subgraph(node.attrs, [&](std::string_view key, const Graph& body) {
      const std::string inner = fmt::format("{}n{}_{}_", prefix, id, key);
      fmt::format_to(append, "  subgraph cluster_{} {{\n  label=\"{} of {}\";\n", inner, key,
                     name_of(node.op));
      append_dot(out, body, inner);
      out += "  }\n";
    });
  }
  for (std::size_t i = 0; i < graph.results().size(); ++i) {
    fmt::format_to(append,
                   "  {0}r{1} [label=\"result {1}\", shape=ellipse];\n  {0}n{2} -> {0}r{1};\n",
                   prefix, i, graph.value(graph.results()[i]).producer);
  }
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string out;
  append_text(out, graph, "");
  return out;
}

std::string to_dot(const Graph& graph) {
  std::string out = "digraph nacre {\n  node [shape=box, fontname=\"Helvetica\"];\n";
  append_dot(out, graph, "");
  return out + "}\n";
}

}  // namespace nacre
