#include <fmt/format.h>

#include <algorithm>

#include "nacre/plan/plan.h"

namespace nacre {
namespace {

std::string place_of(const MemoryPlan& memory, ValueId v) {
  constexpr const char* kKinds[] = {"arg", "const", "result", "arena", "none"};
  const ValueHome& home = memory.homes[v];
  return fmt::format("%{}:{}+{}", v, kKinds[static_cast<int>(home.home)],
                     home.home == Home::arena ? home.offset : home.index);
}

constexpr std::string_view kIndent = "        ";

// Appends lines, all but the first indented.
void append_indented(std::string& out, std::string_view lines) {
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size() - 1) + 1;
    if (at > 0) out += kIndent;
    out += lines.substr(at, end - at);
    at = end;
  }
}

}  // namespace

std::string Plan::to_text() const {
  std::string out =
      fmt::format("plan: {} steps, arena {} bytes (floor {}), {} in place, {} copies\n",
                  steps_.size(), memory_.arena_bytes, memory_.peak_live_bytes,
                  std::count_if(memory_.overwrites.begin(), memory_.overwrites.end(),
                                [](std::int64_t a) { return a >= 0; }),
                  copies_.size());
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    const NodeId n = infos_[i].node;
    const Node& node = graph_.node(n);
    fmt::format_to(std::back_inserter(out), "  {:3} {} [{} x{}]", i, name_of(node.op),
                   infos_[i].kernel, infos_[i].threads);
    for (const ValueId v : graph_.inputs(node)) out.append(" ").append(place_of(memory_, v));
    out += " ->";
    for (std::uint32_t k = 0; k < node.output_count; ++k) {
      out.append(" ").append(place_of(memory_, graph_.output(n, k)));
    }
    if (!graph_.layer(node).empty()) out += fmt::format("  # {}", graph_.layer(node));
    out += '\n';
    for (const auto& plan : infos_[i].plans) {
      out += kIndent;
      if (infos_[i].iterations > 1) out += fmt::format("{} times, each: ", infos_[i].iterations);
      append_indented(out, plan->to_text());
    }
  }
  return out;
}

std::string Plan::to_dot() const {
  std::string out = "digraph plan {\n  node [shape=box, style=filled, fontname=\"Helvetica\"];\n";
  const std::vector<ValueId> roots = view_roots(graph_);
  for (std::size_t i = 0; i < infos_.size(); ++i) {
    const NodeId n = infos_[i].node;
    const Node& node = graph_.node(n);
    fmt::format_to(std::back_inserter(out),
                   "  n{} [label=\"{} {}\\n{}\\n{}\", fillcolor=\"{}\"];\n", n, i, name_of(node.op),
                   infos_[i].kernel,
                   node.output_count ? to_string(graph_.spec(graph_.output(n))) : "",
                   infos_[i].kernel == "reference" ? "#ffd0d0" : "#e8f0ff");
    for (const ValueId v : graph_.inputs(node)) {
      // Views have no step: the edge comes from what they look at.
      const ValueId from = roots[v];
      const Op op = graph_.producer(from).op;
      if (op == Op::input || op == Op::constant) continue;
      fmt::format_to(std::back_inserter(out), "  n{} -> n{} [label=\"{}\"];\n",
                     graph_.value(from).producer, n, to_string(graph_.spec(v)));
    }
  }
  return out + "}\n";
}

}  // namespace nacre
