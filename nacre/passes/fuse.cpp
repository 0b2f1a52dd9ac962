// Elementwise fusion: regions of elementwise ops over one shape become one node, whose kernel reads
// each input once and keeps everything in between in the first-level cache.
//
// A region grows along edges: a node joins the regions of its producers when no path leaves the
// region and comes back (the region would depend on itself), and when it stays within the bounds
// that the backend gives. Inputs of other shapes broadcast; scalar constants become instructions.
#include <algorithm>
#include <array>
#include <map>
#include <queue>

#include "nacre/kernels/registry.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/fused.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

using Instruction = FusedProgram::Instruction;

bool is_elementwise(Op op) { return op_def(op).elementwise || op == Op::cast; }

bool is_scalar_constant(const Graph& graph, ValueId v) {
  const Node& node = graph.producer(v);
  if (node.op != Op::constant || graph.spec(v).elements() != 1) return false;
  return graph.spec(v).dtype != i64;  // its values may not survive the way through a double
}

double scalar_of(const Graph& graph, ValueId v) {
  const auto& c = static_cast<const Constant&>(graph.producer(v).attrs.payload("value"));
  return Tensor(c.spec(), c.data()).item<double>();
}

Attrs program_attrs(std::shared_ptr<const FusedProgram> program) {
  return {{"program", PayloadPtr(std::move(program))}};
}

class Fuser {
 public:
  Fuser(const Graph& graph, bool need_kernel) : graph_(graph), need_kernel_(need_kernel) {}

  Graph run() {
    find_consumers();
    grow();
    return emit(order());
  }

 private:
  struct Region {
    std::vector<NodeId> nodes;  // in order; empty when it joined another
    bool open = false;          // elementwise: may grow
  };

  std::uint32_t region_of(NodeId n) const { return region_[n]; }
  NodeId producer(ValueId v) const { return graph_.value(v).producer; }

  void find_consumers() {
    consumers_.resize(graph_.node_count());
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      for (const ValueId v : graph_.inputs(n)) {
        auto& list = consumers_[producer(v)];
        if (list.empty() || list.back() != n) list.push_back(n);
      }
    }
    is_result_.resize(graph_.value_count(), false);
    for (const ValueId v : graph_.results()) is_result_[v] = true;
  }

  bool may_fuse(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.output_count != 1 || node.input_count == 0 || !is_elementwise(node.op)) return false;
    if (graph_.spec(graph_.output(n)).elements() == 0) return false;
    return !need_kernel_ || kernel_knows(node, graph_.spec(graph_.output(n)));
  }

  // Whether the fused kernel has this instruction, asked with a program of nothing else.
  bool kernel_knows(const Node& node, const Spec& out) {
    SpecList in;
    std::vector<int> key{static_cast<int>(node.op), static_cast<int>(out.dtype)};
    Instruction instruction{node.op, node.attrs, out.dtype, {}};
    for (const ValueId v : graph_.inputs(node)) {
      instruction.arguments.push_back(static_cast<std::uint16_t>(in.size()));
      in.push_back({graph_.spec(v).dtype, {64}});
      key.push_back(static_cast<int>(graph_.spec(v).dtype));
    }
    const auto known = kernel_knows_.find(key);
    if (known != kernel_knows_.end()) return known->second;
    const auto n = static_cast<std::uint16_t>(in.size());
    const Attrs attrs = program_attrs(std::make_shared<FusedProgram>(
        in.size(), Shape{64}, std::vector{instruction}, std::vector{n}));
    const bool answer =
        has_kernel({Op::fused_elementwise, attrs, in, SpecList{Spec{out.dtype, {64}}}, 1});
    kernel_knows_.emplace(key, answer);
    return answer;
  }

  void grow() {
    regions_.resize(graph_.node_count());
    region_.resize(graph_.node_count());
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      region_[n] = n;
      regions_[n].nodes = {n};
      regions_[n].open = may_fuse(n);
      if (!regions_[n].open) continue;
      // Joining one producer can open the way to another.
      join_producers(n);
      join_producers(n);
    }
  }

  void join_producers(NodeId n) {
    const Shape& shape = graph_.spec(graph_.output(n)).shape;
    for (const ValueId v : graph_.inputs(n)) {
      const std::uint32_t r = region_of(producer(v));
      if (r == region_of(n) || !regions_[r].open) continue;
      if (!(graph_.spec(graph_.output(regions_[r].nodes[0])).shape == shape)) continue;
      if (within_bounds(r, region_of(n)) && !makes_cycle(r, region_of(n))) join(r, region_of(n));
    }
  }

  bool within_bounds(std::uint32_t a, std::uint32_t b) const {
    std::vector<NodeId> nodes = regions_[a].nodes;
    nodes.insert(nodes.end(), regions_[b].nodes.begin(), regions_[b].nodes.end());
    const std::size_t most = facts_.most_fused_instructions;
    if (nodes.size() > most) return false;
    const auto inside = [&](NodeId n) { return region_of(n) == a || region_of(n) == b; };
    std::vector<ValueId> inputs;
    std::size_t outputs = 0;
    std::size_t constants = 0;
    for (const NodeId n : nodes) {
      for (const ValueId v : graph_.inputs(n)) {
        if (inside(producer(v)) || std::count(inputs.begin(), inputs.end(), v)) continue;
        constants += is_scalar_constant(graph_, v);
        inputs.push_back(v);
      }
      outputs += leaves(n, inside);
    }
    return inputs.size() - constants <= facts_.most_fused_inputs &&
           outputs <= facts_.most_fused_outputs && nodes.size() + constants <= most + 8;
  }

  // Whether the value of node n is read outside of the region.
  template <class Inside>
  bool leaves(NodeId n, Inside&& inside) const {
    if (is_result_[graph_.output(n)]) return true;
    return std::any_of(consumers_[n].begin(), consumers_[n].end(),
                       [&](NodeId c) { return !inside(c); });
  }

  // Whether some path leads from region a to region b through a third one.
  bool makes_cycle(std::uint32_t a, std::uint32_t b) {
    const NodeId last = regions_[b].nodes.back();
    ++visit_;
    visited_.resize(graph_.node_count(), 0);
    std::vector<std::uint32_t> open;
    const auto push = [&](std::uint32_t from) {
      for (const NodeId n : regions_[from].nodes) {
        for (const NodeId c : consumers_[n]) {
          if (c > last) continue;  // nodes that are not processed yet have no region
          const std::uint32_t r = region_of(c);
          if (r == from || visited_[r] == visit_) continue;
          if (r == b && from == a) continue;  // the edge that joins them
          visited_[r] = visit_;
          open.push_back(r);
        }
      }
    };
    visited_[a] = visit_;
    push(a);
    while (!open.empty()) {
      const std::uint32_t r = open.back();
      open.pop_back();
      if (r == b) return true;
      push(r);
    }
    return false;
  }

  void join(std::uint32_t a, std::uint32_t b) {
    std::vector<NodeId>& into = regions_[a].nodes;
    for (const NodeId n : regions_[b].nodes) {
      region_[n] = a;
      into.push_back(n);
    }
    std::sort(into.begin(), into.end());
    regions_[b].nodes.clear();
  }

  // An order of the regions in which each comes after those it reads; as near to the old order of
  // their last nodes as that allows.
  std::vector<std::uint32_t> order() const {
    std::vector<std::size_t> waiting(regions_.size(), 0);
    std::vector<std::vector<std::uint32_t>> readers(regions_.size());
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      for (const NodeId c : consumers_[n]) {
        if (region_of(c) == region_of(n)) continue;
        readers[region_of(n)].push_back(region_of(c));
        ++waiting[region_of(c)];
      }
    }
    using Item = std::pair<NodeId, std::uint32_t>;
    std::priority_queue<Item, std::vector<Item>, std::greater<>> ready;
    for (std::uint32_t r = 0; r < regions_.size(); ++r) {
      if (!regions_[r].nodes.empty() && waiting[r] == 0) ready.emplace(regions_[r].nodes.back(), r);
    }
    std::vector<std::uint32_t> result;
    while (!ready.empty()) {
      const std::uint32_t r = ready.top().second;
      ready.pop();
      result.push_back(r);
      for (const std::uint32_t reader : readers[r]) {
        if (--waiting[reader] == 0) ready.emplace(regions_[reader].nodes.back(), reader);
      }
    }
    return result;
  }

  Graph emit(const std::vector<std::uint32_t>& order) {
    GraphRewriter to(graph_);
    std::size_t emitted = 0;
    for (const std::uint32_t r : order) {
      const std::vector<NodeId>& nodes = regions_[r].nodes;
      emitted += nodes.size();
      if (nodes.size() > 1 && emit_fused(to, r)) continue;
      for (const NodeId n : nodes) to.copy(n);
    }
    if (emitted != graph_.node_count())
      throw InternalError("fuse_elementwise: regions form a cycle");
    return to.finish();
  }

  bool emit_fused(GraphRewriter& to, std::uint32_t r) const {
    const std::vector<NodeId>& nodes = regions_[r].nodes;
    const auto inside = [&](NodeId n) { return region_of(n) == r; };
    std::vector<ValueId> inputs;
    for (const NodeId n : nodes) {
      for (const ValueId v : graph_.inputs(n)) {
        if (!inside(producer(v)) && !is_scalar_constant(graph_, v) &&
            !std::count(inputs.begin(), inputs.end(), v)) {
          inputs.push_back(v);
        }
      }
    }
    std::unordered_map<ValueId, std::uint16_t> registers;
    for (const ValueId v : inputs) {
      registers.emplace(v, static_cast<std::uint16_t>(registers.size()));
    }
    std::vector<Instruction> instructions;
    std::vector<ValueId> outputs;
    std::vector<std::uint16_t> output_registers;
    const auto append = [&](ValueId v, Instruction i) {
      registers.emplace(v, static_cast<std::uint16_t>(inputs.size() + instructions.size()));
      instructions.push_back(std::move(i));
    };
    for (const NodeId n : nodes) {
      const Node& node = graph_.node(n);
      const ValueId out = graph_.output(n);
      Instruction instruction{node.op, node.attrs, graph_.spec(out).dtype, {}};
      for (const ValueId v : graph_.inputs(n)) {
        if (!registers.count(v)) {
          append(v, {Op::constant, {{"value", scalar_of(graph_, v)}}, graph_.spec(v).dtype, {}});
        }
        instruction.arguments.push_back(registers.at(v));
      }
      append(out, std::move(instruction));
      if (leaves(n, inside)) {
        outputs.push_back(out);
        output_registers.push_back(registers.at(out));
      }
    }
    const Spec& last = graph_.spec(graph_.output(nodes.back()));
    const Attrs attrs = program_attrs(std::make_shared<FusedProgram>(
        inputs.size(), last.shape, std::move(instructions), std::move(output_registers)));
    SpecList in;
    SpecList out;
    InlineVector<ValueId, 8> mapped;
    for (const ValueId v : inputs) {
      in.push_back(graph_.spec(v));
      mapped.push_back(to.mapped(v));
    }
    for (const ValueId v : outputs) out.push_back(graph_.spec(v));
    if (need_kernel_ && !has_kernel({Op::fused_elementwise, attrs, in, out, 1})) return false;
    const NodeId node = to.graph().add(Op::fused_elementwise, attrs, mapped, out,
                                       graph_.origin(graph_.node(nodes.back())));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      to.map(outputs[i], to.graph().output(node, static_cast<std::uint32_t>(i)));
    }
    return true;
  }

  const Graph& graph_;
  bool need_kernel_;
  const BackendFacts& facts_ = current_backend().facts();
  std::vector<std::vector<NodeId>> consumers_;
  std::vector<bool> is_result_;
  std::vector<Region> regions_;        // by the first node that founded it
  std::vector<std::uint32_t> region_;  // of each node
  std::vector<std::uint32_t> visited_;
  std::uint32_t visit_ = 0;
  std::map<std::vector<int>, bool> kernel_knows_;
};

}  // namespace

// Constants that became instructions are dead afterwards.
Graph fuse_elementwise(const Graph& graph) { return remove_dead_code(Fuser(graph, true).run()); }
Graph fuse_elementwise_always(const Graph& graph) {
  return remove_dead_code(Fuser(graph, false).run());
}

}  // namespace nacre
