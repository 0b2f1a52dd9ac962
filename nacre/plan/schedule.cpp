#include "nacre/plan/schedule.h"

#include <algorithm>
#include <set>
#include <utility>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op_def.h"

namespace nacre {
namespace {

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
    readers_of_root_.resize(graph.value_count());
    reads_.assign(graph.value_count(), 0);
    seen_.assign(n, 0);
    for (NodeId id = 0; id < n; ++id) {
      for (const ValueId v : graph.inputs(id)) {
        add_edge(graph.value(v).producer, id);
        ++uses_[roots_[v]];
        auto& readers = readers_of_root_[roots_[v]];
        if (readers.empty() || readers.back() != id) readers.push_back(id);
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

  std::int64_t growth(NodeId n) {
    const Node& node = graph_.node(n);
    if (op_def(node.op).is_view || node.op == Op::input || node.op == Op::constant) return -1;
    std::int64_t change = 0;
    for (std::uint32_t k = 0; k < node.output_count; ++k) change += bytes(graph_.output(n, k));
    for (const ValueId v : graph_.inputs(node)) ++reads_[roots_[v]];
    for (const ValueId v : graph_.inputs(node)) {
      const std::uint32_t again = std::exchange(reads_[roots_[v]], 0);
      if (again > 0 && uses_[roots_[v]] == again) change -= bytes(roots_[v]);
    }
    return change;
  }

  template <class Set>
  void refresh(Set& ready, std::vector<std::int64_t>& key, ValueId freed) {
    for (const NodeId n : readers_of_root_[roots_[freed]]) {
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
    const ValueId result = roots_[graph_.results()[d.result]];
    if (graph_.producer(result).op == Op::input) return;
    const NodeId writer = graph_.value(result).producer;
    std::vector<NodeId> others;
    for (const NodeId n : readers_of_root_[argument]) {
      if (n != writer) others.push_back(n);
    }
    if (others.empty()) return;
    // Few nodes come after an update, as a rule none.
    ++visit_;
    std::vector<NodeId> open{writer};
    while (!open.empty()) {
      const NodeId n = open.back();
      open.pop_back();
      for (const NodeId r : readers_[n]) {
        if (std::exchange(seen_[r], visit_) != visit_) open.push_back(r);
      }
    }
    if (std::any_of(others.begin(), others.end(), [&](NodeId n) { return seen_[n] == visit_; })) {
      return;
    }
    for (const NodeId n : others) add_edge(n, writer);
  }

  const Graph& graph_;
  std::vector<ValueId> roots_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::vector<NodeId>> readers_of_root_;  // each once
  std::vector<std::uint32_t> reads_;                  // of each root by one node, 0 between calls
  std::vector<std::uint32_t> seen_;                   // by node: the last visit_ that came to it
  std::uint32_t visit_ = 0;
};

Graph in_order(const Graph& graph, const std::vector<NodeId>& order) {
  GraphRewriter to(graph);
  for (const NodeId n : order) to.copy(n);
  return to.finish();
}

}  // namespace

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
