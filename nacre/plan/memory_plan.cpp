#include "nacre/plan/memory_plan.h"

#include <algorithm>
#include <utility>

#include "nacre/base/buffer.h"
#include "nacre/base/inline_vector.h"
#include "nacre/ops/define/op.h"
#include "nacre/plan/placement.h"

namespace nacre {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<NodeMemory>& nodes)
      : graph_(graph), nodes_(nodes), root_last_(graph.value_count(), 0) {
    plan_.homes.resize(graph.value_count());
    plan_.overwrites.assign(graph.results().size(), -1);
  }

  MemoryPlan run(const std::vector<Donation>& donations) {
    find_roots();
    find_members();
    for (const Donation& d : donations) claim_argument(d);
    for (std::size_t r = 0; r < graph_.results().size(); ++r) claim_result(r);
    fill_arena();
    return std::move(plan_);
  }

 private:
  ValueHome& home(ValueId v) { return plan_.homes[v]; }
  bool has_memory_to_give(ValueId v) { return home(v).home == Home::arena && home(v).root == v; }

  // Chains of views and in-place steps share the memory of their root.
  void find_roots() {
    const auto end = static_cast<NodeId>(graph_.node_count());
    last_use_.assign(graph_.value_count(), 0);
    for (NodeId n = 0; n < end; ++n) {
      for (const ValueId v : graph_.inputs(n)) last_use_[v] = n;
    }
    for (const ValueId v : graph_.results()) last_use_[v] = end;  // read after the last step
    for (std::size_t i = 0; i < graph_.arguments().size(); ++i) {
      const ValueId v = graph_.arguments()[i];
      home(v) = {Home::argument, v, 0, i};
      root_last_[v] = last_use_[v];
    }
    for (NodeId n = 0; n < end; ++n) {
      const Node& node = graph_.node(n);
      InlineVector<ValueId, 4> taken;
      for (std::uint32_t k = 0; k < node.output_count; ++k) {
        const ValueId v = graph_.output(n, k);
        if (home(v).home == Home::argument) continue;
        if (node.op == Op::constant) {
          home(v) = {Home::constant, v, 0, 0};
          continue;
        }
        const ValueId shared = shares_with(n, k, taken);
        home(v) = shared == kNoId ? ValueHome{Home::arena, v, 0, 0} : home(shared);
        root_last_[home(v).root] = std::max({root_last_[home(v).root], last_use_[v], n});
      }
    }
  }

  // The values that live in each root's memory, as lists through next_member_.
  void find_members() {
    first_member_.assign(graph_.value_count(), kNoId);
    next_member_.assign(graph_.value_count(), kNoId);
    for (ValueId v = 0; v < graph_.value_count(); ++v) {
      if (home(v).home != Home::arena) continue;
      next_member_[v] = std::exchange(first_member_[home(v).root], v);
    }
  }

  // The input whose memory output k of node n takes, or kNoId.
  ValueId shares_with(NodeId n, std::uint32_t k, InlineVector<ValueId, 4>& taken) {
    const auto inputs = graph_.inputs(n);
    if (nodes_[n].is_view && k == 0) return inputs[0];
    const ValueId out = graph_.output(n, k);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueId root = home(inputs[i]).root;
      if (home(inputs[i]).home != Home::arena || root_last_[root] > n) continue;
      // Only the first 32 inputs may be overwritten: a node of thousands has no long search.
      if (i >= 32 || !((nodes_[n].in_place >> i) & 1u)) continue;
      if (std::find(taken.begin(), taken.end(), root) != taken.end()) continue;
      if (!may_overwrite(n, k, root) || graph_.spec(root).bytes() != graph_.spec(out).bytes()) {
        continue;
      }
      taken.push_back(root);
      return inputs[i];
    }
    return kNoId;
  }

  // Whether output k of node n may be written over all inputs that live in the root's memory.
  bool may_overwrite(NodeId n, std::uint32_t k, ValueId root) {
    if (k > 0 && !nodes_[n].in_place_each) return false;
    const Spec& out = graph_.spec(graph_.output(n, k));
    const auto inputs = graph_.inputs(n);
    std::size_t found = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (home(inputs[i]).root != root) continue;
      const Spec& in = graph_.spec(inputs[i]);
      if (i >= 32 || !((nodes_[n].in_place >> i) & 1u) || in.bytes() != out.bytes()) return false;
      if (nodes_[n].in_place_each && !(in == out)) return false;
      ++found;
    }
    return found == 1 || (found > 1 && nodes_[n].in_place_each);
  }

  // Lets a result live in the memory of the argument it replaces.
  void claim_argument(const Donation& d) {
    const ValueId argument = graph_.arguments()[d.argument];
    const ValueId root = home(graph_.results()[d.result]).root;
    if (root == argument) {  // unchanged
      plan_.overwrites[d.result] = static_cast<std::int64_t>(d.argument);
      return;
    }
    if (!has_memory_to_give(root)) return;
    if (graph_.spec(root).bytes() != graph_.spec(argument).bytes()) return;
    const NodeId writer = graph_.value(root).producer;
    const NodeId last = root_last_[argument];
    const bool read_by_writer = last == writer;
    if (last > writer) return;
    if (read_by_writer && !may_overwrite(writer, graph_.value(root).index, argument)) return;
    // Another output of the same step may have taken that input already.
    for (std::uint32_t k = 0; read_by_writer && k < graph_.node(writer).output_count; ++k) {
      if (home(graph_.output(writer, k)).root == argument) return;
    }
    move_root(root, {Home::argument, argument, 0, d.argument});
    root_last_[argument] = root_last_[root];
    plan_.overwrites[d.result] = static_cast<std::int64_t>(d.argument);
  }

  // Lets a result be written where the caller wants it.
  void claim_result(std::size_t r) {
    if (plan_.overwrites[r] >= 0) return;
    const ValueId root = home(graph_.results()[r]).root;
    if (!has_memory_to_give(root)) return;
    if (graph_.spec(root).bytes() != graph_.spec(graph_.results()[r]).bytes()) return;
    move_root(root, {Home::result, root, 0, r});
  }

  void move_root(ValueId root, const ValueHome& to) {
    for (ValueId v = first_member_[root]; v != kNoId; v = next_member_[v]) home(v) = to;
  }

  void fill_arena() {
    std::vector<Lifetime> blocks;
    std::vector<ValueId> values;
    for (ValueId v = 0; v < graph_.value_count(); ++v) {
      if (!has_memory_to_give(v)) continue;
      values.push_back(v);
      blocks.push_back({graph_.value(v).producer, root_last_[v], aligned(graph_.spec(v).bytes())});
    }
    const Placement placement = place(blocks);
    for (std::size_t i = 0; i < values.size(); ++i) {
      home(values[i]).offset = placement.offsets[i];
    }
    for (ValueHome& h : plan_.homes) {
      if (h.home == Home::arena) h.offset = plan_.homes[h.root].offset;
    }
    plan_.arena_bytes = placement.total;
    plan_.peak_live_bytes = live_floor(blocks);
  }

  const Graph& graph_;
  const std::vector<NodeMemory>& nodes_;
  std::vector<NodeId> last_use_;
  std::vector<NodeId> root_last_;  // the last node that touches a root's memory
  std::vector<ValueId> first_member_;
  std::vector<ValueId> next_member_;
  MemoryPlan plan_;
};

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<NodeMemory>& nodes,
                       const std::vector<Donation>& donations) {
  return Planner(graph, nodes).run(donations);
}

}  // namespace nacre
