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
      std::string inner = plan->to_text();
      for (std::size_t at = 0; (at = inner.find('\n', at)) + 1 < inner.size(); at += 9) {
        inner.replace(at, 1, "\n        ");
      }
      out += "        " +
             (infos_[i].iterations > 1 ? fmt::format("{} times, each: ", infos_[i].iterations)
                                       : std::string()) +
             inner;
    }
  }
  return out;
}

std::string Plan::to_dot() const {
  std::string out = "digraph plan {\n  node [shape=box, style=filled, fontname=\"Helvetica\"];\n";
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
      ValueId from = v;
      while (op_def(graph_.producer(from).op).is_view)
        from = graph_.inputs(graph_.producer(from))[0];
      const Op op = graph_.producer(from).op;
      if (op == Op::input || op == Op::constant) continue;
      fmt::format_to(std::back_inserter(out), "  n{} -> n{} [label=\"{}\"];\n",
                     graph_.value(from).producer, n, to_string(graph_.spec(v)));
    }
  }
  return out + "}\n";
}

}  // namespace nacre
