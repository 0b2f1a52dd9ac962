#include "nacre/plan/memory_plan.h"

#include <algorithm>
#include <map>

#include "nacre/base/buffer.h"
#include "nacre/ops/op.h"

namespace nacre {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

struct Interval {
  ValueId root;
  NodeId first;  // the node that writes it first
  NodeId last;   // the last node that touches it
  std::size_t bytes;
};

// Greedy by size: each interval, largest first, goes to the lowest gap among those that overlap it
// in time (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
std::size_t place(std::vector<Interval>& intervals, std::vector<ValueHome>& homes) {
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.root < b.root;
  });
  std::size_t total = 0;
  std::vector<const Interval*> placed;
  std::vector<std::pair<std::size_t, std::size_t>> taken;
  for (const Interval& interval : intervals) {
    taken.clear();
    for (const Interval* other : placed) {
      if (other->first <= interval.last && interval.first <= other->last) {
        const std::size_t offset = homes[other->root].offset;
        taken.emplace_back(offset, offset + other->bytes);
      }
    }
    std::sort(taken.begin(), taken.end());
    std::size_t at = 0;
    for (const auto& [begin, end] : taken) {
      if (begin >= at + interval.bytes) break;
      at = std::max(at, end);
    }
    homes[interval.root].offset = at;
    total = std::max(total, at + interval.bytes);
    placed.push_back(&interval);
  }
  return total;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<ValueId>& aliases,
                       const std::vector<std::uint32_t>& in_place) {
  MemoryPlan plan;
  plan.homes.resize(graph.value_count());
  std::vector<NodeId> last_use(graph.value_count(), 0);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    for (const ValueId in : graph.inputs(n)) last_use[in] = n;
  }
  // Results are copied out after the last step.
  for (const ValueId id : graph.results()) last_use[id] = static_cast<NodeId>(graph.node_count());
  for (std::size_t i = 0; i < graph.arguments().size(); ++i) {
    plan.homes[graph.arguments()[i]] = {Home::argument, graph.arguments()[i], 0, i};
  }
  // Roots are found in schedule order; `last` of a root grows with each value that shares it.
  std::vector<NodeId> root_last(graph.value_count(), 0);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    for (std::uint32_t k = 0; k < node.output_count; ++k) {
      const ValueId v = graph.output(n, k);
      ValueHome& home = plan.homes[v];
      if (home.home == Home::argument) continue;
      if (node.op == Op::constant) {
        home = {Home::constant, v, 0, 0};
        continue;
      }
      ValueId shared = aliases[v];
      if (k == 0 && shared == kNoId) {
        const auto inputs = graph.inputs(node);
        for (std::size_t i = 0; i < inputs.size() && shared == kNoId; ++i) {
          const ValueHome& in = plan.homes[inputs[i]];
          const bool allowed = (in_place[n] >> i) & 1u;
          if (allowed && in.home == Home::arena && root_last[in.root] <= n &&
              graph.spec(inputs[i]).bytes() == graph.spec(v).bytes() &&
              graph.spec(in.root).bytes() == graph.spec(v).bytes() &&
              std::count(inputs.begin(), inputs.end(), inputs[i]) == 1) {
            shared = inputs[i];
          }
        }
      }
      if (shared != kNoId) {
        home = plan.homes[shared];
      } else {
        home = {Home::arena, v, 0, 0};
      }
      root_last[home.root] = std::max({root_last[home.root], last_use[v], n});
    }
  }
  std::vector<Interval> intervals;
  for (ValueId v = 0; v < graph.value_count(); ++v) {
    if (plan.homes[v].home == Home::arena && plan.homes[v].root == v) {
      intervals.push_back(
          {v, graph.value(v).producer, root_last[v], aligned(graph.spec(v).bytes())});
    }
  }
  plan.arena_bytes = place(intervals, plan.homes);
  for (ValueId v = 0; v < graph.value_count(); ++v) {
    if (plan.homes[v].home == Home::arena)
      plan.homes[v].offset = plan.homes[plan.homes[v].root].offset;
  }
  std::vector<std::int64_t> change(graph.node_count() + 2, 0);
  for (const Interval& i : intervals) {
    change[i.first] += static_cast<std::int64_t>(i.bytes);
    change[i.last + 1] -= static_cast<std::int64_t>(i.bytes);
  }
  std::int64_t live = 0;
  for (const std::int64_t c : change) {
    live += c;
    plan.peak_live_bytes = std::max(plan.peak_live_bytes, static_cast<std::size_t>(live));
  }
  return plan;
}

}  // namespace nacre
