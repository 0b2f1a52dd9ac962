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

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/fused.h"
#include "nacre/passes/pipeline.h"
#include "nacre/passes/query.h"

namespace nacre {
namespace {

// How far the search for a cycle goes: kFarLooks readers a question, and kNearLooks once a graph
// has used up its kLooks (and some more for each node). A search that finds no end counts as a
// cycle: the regions stay apart, and the time of the pass grows with the graph, not its square.
constexpr std::size_t kFarLooks = 20'000;
constexpr std::size_t kNearLooks = 64;
constexpr std::size_t kLooks = 4'000'000;
constexpr std::size_t kLooksPerNode = 32;

using Instruction = FusedProgram::Instruction;

bool is_elementwise(Op op) { return op_def(op).elementwise || op == Op::cast; }

bool is_scalar_constant(const Graph& graph, ValueId v) {
  const Node& node = graph.producer(v);
  if (node.op != Op::constant || graph.spec(v).elements() != 1) return false;
  return graph.spec(v).dtype != i64;  // its values may not survive the way through a double
}

Attrs program_attrs(std::shared_ptr<const FusedProgram> program) {
  return {{"program", PayloadPtr(std::move(program))}};
}

class Fuser {
 public:
  Fuser(const Graph& graph, bool need_kernel)
      : graph_(graph),
        need_kernel_(need_kernel),
        readers_(graph),
        looks_left_(kLooks + kLooksPerNode * graph.node_count()) {
    for (NodeId n = 0; n < graph.node_count(); ++n) first_output_.push_back(graph.output(n));
    first_output_.push_back(static_cast<ValueId>(graph.value_count()));
  }

  Graph run() {
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

  bool may_fuse(NodeId n) {
    const Node& node = graph_.node(n);
    if (node.output_count != 1 || node.input_count == 0 || !is_elementwise(node.op)) return false;
    if (graph_.spec(graph_.output(n)).elements() == 0) return false;
    return !need_kernel_ || kernel_knows(node, graph_.spec(graph_.output(n)));
  }

  // Whether the fused kernel has this instruction, asked with a program of nothing else.
  bool kernel_knows(const Node& node, const Spec& out) {
    NodeSpecs specs{{}, {Spec{out.dtype, {64}}}};
    std::vector<int> key{static_cast<int>(node.op), static_cast<int>(out.dtype)};
    Instruction instruction{node.op, node.attrs, out.dtype, {}};
    for (const ValueId v : graph_.inputs(node)) {
      instruction.arguments.push_back(static_cast<std::uint16_t>(specs.in.size()));
      specs.in.push_back({graph_.spec(v).dtype, {64}});
      key.push_back(static_cast<int>(graph_.spec(v).dtype));
    }
    const auto known = kernel_knows_.find(key);
    if (known != kernel_knows_.end()) return known->second;
    const auto n = static_cast<std::uint16_t>(specs.in.size());
    const Attrs attrs = program_attrs(std::make_shared<FusedProgram>(
        specs.in.size(), Shape{64}, std::vector{instruction}, std::vector{n}));
    const bool answer = has_kernel(Op::fused_elementwise, attrs, specs);
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
    const ValueId v = graph_.output(n);
    if (readers_.is_result(v)) return true;
    return std::ranges::any_of(readers_.of(v), [&](NodeId reader) { return !inside(reader); });
  }

  // Whether some path leads from region a to region b through a third one, or may do so.
  bool makes_cycle(std::uint32_t a, std::uint32_t b) {
    const NodeId last = regions_[b].nodes.back();
    ++visit_;
    visited_.resize(graph_.node_count(), 0);
    std::size_t looks = std::min(looks_left_, kFarLooks) + kNearLooks;
    std::vector<std::uint32_t> open;
    // False at region b, and when there are too many readers to look at.
    const auto push = [&](std::uint32_t from) {
      for (const NodeId n : regions_[from].nodes) {
        for (ValueId v = first_output_[n]; v < first_output_[n + 1]; ++v) {
          for (const NodeId reader : readers_.of(v)) {
            if (reader > last) break;  // nodes that are not processed yet have no region
            if (looks-- == 0) return false;
            looks_left_ -= looks_left_ > 0;
            const std::uint32_t r = region_of(reader);
            if (r == from || visited_[r] == visit_) continue;
            if (r == b) {
              if (from == a) continue;  // the edge that joins them
              return false;
            }
            visited_[r] = visit_;
            open.push_back(r);
          }
        }
      }
      return true;
    };
    visited_[a] = visit_;
    if (!push(a)) return true;
    while (!open.empty()) {
      const std::uint32_t r = open.back();
      open.pop_back();
      if (!push(r)) return true;
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
    for (ValueId v = 0; v < graph_.value_count(); ++v) {
      const std::uint32_t from = region_of(producer(v));
      for (const NodeId n : readers_.of(v)) {
        if (region_of(n) == from) continue;
        readers[from].push_back(region_of(n));
        ++waiting[region_of(n)];
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
          append(v, {Op::constant,
                     {{"value", known_value(graph_, v)->item<double>()}},
                     graph_.spec(v).dtype,
                     {}});
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
    const NodeSpecs specs{specs_of(graph_, inputs), specs_of(graph_, outputs)};
    if (need_kernel_ && !has_kernel(Op::fused_elementwise, attrs, specs)) return false;
    InlineVector<ValueId, 8> mapped;
    for (const ValueId v : inputs) mapped.push_back(to.mapped(v));
    const NodeId node = to.graph().add(Op::fused_elementwise, attrs, mapped, specs.out,
                                       graph_.origin(graph_.node(nodes.back())));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      to.map(outputs[i], to.graph().output(node, static_cast<std::uint32_t>(i)));
    }
    return true;
  }

  const Graph& graph_;
  bool need_kernel_;
  Readers readers_;
  std::vector<ValueId> first_output_;  // of each node, and one beyond the last; see makes_cycle()
  const BackendFacts& facts_ = current_backend().facts();
  std::vector<Region> regions_;        // by the first node that founded it
  std::vector<std::uint32_t> region_;  // of each node
  std::vector<std::uint32_t> visited_;
  std::uint32_t visit_ = 0;
  std::size_t looks_left_;
  std::map<std::vector<int>, bool> kernel_knows_;
};

}  // namespace

// Constants that became instructions are dead afterwards.
Graph fuse_elementwise(const Graph& graph) { return remove_dead_code(Fuser(graph, true).run()); }
Graph fuse_elementwise_always(const Graph& graph) {
  return remove_dead_code(Fuser(graph, false).run());
}

}  // namespace nacre
