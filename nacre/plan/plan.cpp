#include "nacre/plan/plan.h"

#include <fmt/format.h>

#include <cstring>

#include "nacre/base/threads.h"

namespace nacre {

Plan::Plan(const Graph& graph, const PlanOptions& options)
    : graph_(graph), threads_(options.threads) {
  bind(options);
}

void Plan::bind(const PlanOptions& options) {
  std::vector<ValueId> aliases(graph_.value_count(), kNoId);
  std::vector<std::uint32_t> in_place(graph_.node_count(), 0);
  std::size_t scratch_bytes = 0;
  std::vector<int> kernel_of(graph_.node_count(), -1);
  for (NodeId n = 0; n < graph_.node_count(); ++n) {
    const Node& node = graph_.node(n);
    if (node.op == Op::input || node.op == Op::constant) continue;
    if (op_def(node.op).is_view) {
      aliases[graph_.output(n)] = graph_.inputs(node)[0];
      continue;
    }
    SpecList in;
    SpecList out;
    for (const ValueId v : graph_.inputs(node)) in.push_back(graph_.spec(v));
    for (std::uint32_t i = 0; i < node.output_count; ++i)
      out.push_back(graph_.spec(graph_.output(n, i)));
    kernel_of[n] = static_cast<int>(kernels_.size());
    kernels_.push_back(
        prepare_kernel({node.op, node.attrs, in, out, options.threads}, options.reference_only));
    in_place[n] = kernels_.back().in_place;
    scratch_bytes = std::max(scratch_bytes, kernels_.back().scratch_bytes);
    step_nodes_.push_back(n);
  }
  memory_ = plan_memory(graph_, aliases, in_place);
  arena_ = Buffer::allocate(memory_.arena_bytes);
  scratch_ = Buffer::allocate(scratch_bytes);

  const auto address = [&](ValueId v) -> void* {
    const ValueHome& home = memory_.homes[v];
    if (home.home == Home::arena) return static_cast<char*>(arena_.data()) + home.offset;
    if (home.home == Home::constant) {
      return static_cast<const Constant&>(graph_.producer(home.root).attrs.payload("value"))
          .data()
          .data();
    }
    return nullptr;
  };
  std::vector<std::size_t> first_pointer;
  for (const NodeId n : step_nodes_) {
    const Node& node = graph_.node(n);
    first_pointer.push_back(pointers_.size());
    const auto add = [&](ValueId v) {
      const ValueHome& home = memory_.homes[v];
      if (home.home == Home::argument) patches_.push_back({pointers_.size(), home.index});
      pointers_.push_back(address(v));
    };
    for (const ValueId v : graph_.inputs(node)) add(v);
    for (std::uint32_t i = 0; i < node.output_count; ++i) add(graph_.output(n, i));
  }
  for (std::size_t i = 0; i < step_nodes_.size(); ++i) {
    const PreparedKernel& kernel = kernels_[static_cast<std::size_t>(kernel_of[step_nodes_[i]])];
    steps_.push_back({kernel.run,
                      kernel.state.get(),
                      pointers_.data() + first_pointer[i],
                      {options.threads, scratch_.data()}});
  }
  for (std::size_t i = 0; i < graph_.results().size(); ++i) {
    const ValueId v = graph_.results()[i];
    copies_.push_back({address(v), memory_.homes[v].index, i, graph_.spec(v).bytes()});
  }
  for (NodeId n = 0; n < graph_.node_count(); ++n) {
    if (graph_.node(n).op == Op::constant) constant_bytes_ += graph_.spec(graph_.output(n)).bytes();
  }
}

void Plan::replay(std::span<void* const> arguments, std::span<void* const> results) {
  for (const Patch& patch : patches_) pointers_[patch.pointer] = arguments[patch.argument];
  limit_library_threads(threads_);
  for (const Step& step : steps_) step.run(step.state, step.pointers, step.context);
  for (const CopyOut& copy : copies_) {
    const void* from = copy.from ? copy.from : arguments[copy.argument];
    if (copy.bytes > 0) std::memcpy(results[copy.result], from, copy.bytes);
  }
}

std::string Plan::to_text() const {
  std::string out =
      fmt::format("plan: {} steps, arena {} bytes (floor {}), threads {}\n", steps_.size(),
                  memory_.arena_bytes, memory_.peak_live_bytes, threads_);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Node& node = graph_.node(step_nodes_[i]);
    fmt::format_to(std::back_inserter(out), "  {:3} {} [{}]", i, name_of(node.op),
                   kernels_[i].name);
    const auto place = [&](ValueId v) {
      const ValueHome& home = memory_.homes[v];
      const char* kinds[] = {"arg", "const", "result", "arena", "none"};
      fmt::format_to(std::back_inserter(out), " %{}:{}+{}", v, kinds[static_cast<int>(home.home)],
                     home.home == Home::arena ? home.offset : home.index);
    };
    for (const ValueId v : graph_.inputs(node)) place(v);
    out += " ->";
    for (std::uint32_t k = 0; k < node.output_count; ++k) place(graph_.output(step_nodes_[i], k));
    out += '\n';
  }
  return out;
}

}  // namespace nacre
