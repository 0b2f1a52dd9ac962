#include "nacre/plan/schedule.h"

#include <algorithm>
#include <set>

#include "nacre/ops/define/op.h"
#include "nacre/ops/define/op_def.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

// The value whose memory v is seen through: views do not count as values of their own.
std::vector<ValueId> view_roots(const Graph& graph) {
  std::vector<ValueId> roots(graph.value_count());
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    for (std::uint32_t k = 0; k < node.output_count; ++k) {
      const ValueId v = graph.output(n, k);
      roots[v] = k == 0 && op_def(node.op).is_view ? roots[graph.inputs(node)[0]] : v;
    }
  }
  return roots;
}

bool is_free(const Graph& graph, ValueId root) {
  const Op op = graph.producer(root).op;
  return op == Op::input || op == Op::constant;
}

class Scheduler {
 public:
  Scheduler(const Graph& graph, const std::vector<Donation>& donations)
      : graph_(graph), roots_(view_roots(graph)) {
    const std::size_t n = graph.node_count();
    readers_.resize(n);
    waiting_.assign(n, 0);
    uses_.assign(graph.value_count(), 0);
    for (NodeId id = 0; id < n; ++id) {
      for (const ValueId v : graph.inputs(id)) {
        add_edge(graph.value(v).producer, id);
        ++uses_[roots_[v]];
      }
    }
    for (const ValueId v : graph.results()) ++uses_[roots_[v]];
    for (const Donation& d : donations) order_update(d);
  }

  std::vector<NodeId> run() {
    // The ready node that frees most (allocates least) runs next; among equals the older one.
    using Item = std::pair<std::int64_t, NodeId>;
    std::set<Item> ready;
    std::vector<std::int64_t> key(graph_.node_count(), 0);
    const auto push = [&](NodeId n) {
      key[n] = growth(n);
      ready.emplace(key[n], n);
    };
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      if (waiting_[n] == 0) push(n);
    }
    std::vector<NodeId> order;
    while (!ready.empty()) {
      const NodeId n = ready.begin()->second;
      ready.erase(ready.begin());
      order.push_back(n);
      for (const ValueId v : graph_.inputs(n)) {
        if (--uses_[roots_[v]] != 1) continue;
        // Its last reader frees it now: that one's key changed, if it is ready.
        refresh(ready, key, v);
      }
      for (const NodeId r : readers_[n]) {
        if (--waiting_[r] == 0) push(r);
      }
    }
    return order;
  }

 private:
  void add_edge(NodeId from, NodeId to) {
    readers_[from].push_back(to);
    ++waiting_[to];
  }

  std::int64_t bytes(ValueId root) const {
    return is_free(graph_, root) ? 0 : static_cast<std::int64_t>(graph_.spec(root).bytes());
  }

  std::int64_t growth(NodeId n) const {
    const Node& node = graph_.node(n);
    if (op_def(node.op).is_view || node.op == Op::input || node.op == Op::constant) return -1;
    std::int64_t change = 0;
    for (std::uint32_t k = 0; k < node.output_count; ++k) change += bytes(graph_.output(n, k));
    const auto inputs = graph_.inputs(node);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueId root = roots_[inputs[i]];
      const auto again =
          std::count_if(inputs.begin(), inputs.end(), [&](ValueId v) { return roots_[v] == root; });
      if (uses_[root] == static_cast<std::uint32_t>(again)) change -= bytes(root) / again;
    }
    return change;
  }

  template <class Set>
  void refresh(Set& ready, std::vector<std::int64_t>& key, ValueId freed) {
    if (freed_readers_.empty()) {
      freed_readers_.resize(graph_.value_count());
      for (NodeId n = 0; n < graph_.node_count(); ++n) {
        for (const ValueId v : graph_.inputs(n)) freed_readers_[roots_[v]].push_back(n);
      }
    }
    for (const NodeId n : freed_readers_[roots_[freed]]) {
      const auto found = ready.find({key[n], n});
      if (found == ready.end()) continue;
      ready.erase(found);
      key[n] = growth(n);
      ready.emplace(key[n], n);
    }
  }

  // The node that makes the result waits for the other readers of the argument, unless one of them
  // needs that result itself.
  void order_update(const Donation& d) {
    const ValueId argument = graph_.arguments()[d.argument];
    const NodeId writer = graph_.producer(roots_[graph_.results()[d.result]]).op == Op::input
                              ? kNoId
                              : graph_.value(roots_[graph_.results()[d.result]]).producer;
    if (writer == kNoId) return;
    std::vector<NodeId> others;
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      if (n == writer) continue;
      for (const ValueId v : graph_.inputs(n)) {
        if (roots_[v] != argument) continue;
        others.push_back(n);
        break;
      }
    }
    if (others.empty()) return;
    std::vector<bool> after(graph_.node_count(), false);
    std::vector<NodeId> open{writer};
    while (!open.empty()) {
      const NodeId n = open.back();
      open.pop_back();
      for (const NodeId r : readers_[n]) {
        if (after[r]) continue;
        after[r] = true;
        open.push_back(r);
      }
    }
    if (std::any_of(others.begin(), others.end(), [&](NodeId n) { return after[n]; })) return;
    for (const NodeId n : others) add_edge(n, writer);
  }

  const Graph& graph_;
  std::vector<ValueId> roots_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::vector<NodeId>> freed_readers_;
};

Graph in_order(const Graph& graph, const std::vector<NodeId>& order) {
  GraphRewriter to(graph);
  for (const NodeId n : order) to.copy(n);
  return to.finish();
}

}  // namespace

std::size_t peak_bytes(const Graph& graph) {
  const std::vector<ValueId> roots = view_roots(graph);
  std::vector<NodeId> last(graph.value_count(), 0);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    for (const ValueId v : graph.inputs(n)) last[roots[v]] = n;
  }
  std::vector<bool> is_result(graph.value_count(), false);
  for (const ValueId v : graph.results()) is_result[roots[v]] = true;
  std::vector<std::int64_t> change(graph.node_count() + 1, 0);
  for (ValueId v = 0; v < graph.value_count(); ++v) {
    if (roots[v] != v || is_free(graph, v) || is_result[v]) continue;
    const NodeId first = graph.value(v).producer;
    const auto bytes = static_cast<std::int64_t>(graph.spec(v).bytes());
    change[first] += bytes;
    change[std::max(first, last[v]) + 1] -= bytes;
  }
  std::int64_t live = 0;
  std::int64_t peak = 0;
  for (const std::int64_t c : change) peak = std::max(peak, live += c);
  return static_cast<std::size_t>(peak);
}

Graph schedule(const Graph& graph, const std::vector<Donation>& donations) {
  const std::vector<NodeId> order = Scheduler(graph, donations).run();
  if (order.size() != graph.node_count()) return graph;
  Graph better = in_order(graph, order);
  // Greedy may be worse than what the user wrote; updates in place count for nothing then.
  return peak_bytes(better) <= peak_bytes(graph) || peak_bytes(graph) == 0 ? better : graph;
}

}  // namespace nacre
