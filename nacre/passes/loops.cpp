// What a scan need not do: keep what nobody reads, and compute in every step what is the same in
// all of them, or could be computed for all of them at once.
#include <algorithm>
#include <unordered_map>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/control/body.h"
#include "nacre/ops/control/control.h"
#include "nacre/ops/define/emit.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

// The part of a graph that the wanted results need; argument and result numbers as flags.
struct Needed {
  std::vector<bool> nodes;
  std::vector<bool> arguments;
};

Needed needed_for(const Graph& graph, const std::vector<bool>& results) {
  std::vector<bool> values(graph.value_count(), false);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) values[graph.results()[i]] = true;
  }
  Needed needed{std::vector<bool>(graph.node_count(), false), {}};
  for (NodeId n = static_cast<NodeId>(graph.node_count()); n-- > 0;) {
    const Node& node = graph.node(n);
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      if (values[graph.output(n, i)]) needed.nodes[n] = true;
    }
    if (!needed.nodes[n]) continue;
    for (const ValueId v : graph.inputs(node)) values[v] = true;
  }
  for (const ValueId v : graph.arguments()) needed.arguments.push_back(values[v]);
  return needed;
}

// One scan on its way into the new graph.
class Loop {
 public:
  Loop(const Graph& from, NodeId node, const std::vector<std::uint32_t>& uses)
      : from_(from),
        node_(node),
        attrs_(ScanAttrs::of(from.node(node).attrs)),
        body_(attrs_.graph()),
        consts_(static_cast<std::size_t>(attrs_.consts)),
        carry_(static_cast<std::size_t>(attrs_.carry)) {
    for (std::uint32_t i = 0; i < from.node(node).output_count; ++i) {
      used_.push_back(uses[from.output(node, i)] > 0);
    }
    for (std::size_t i = 0; i < body_.arguments().size(); ++i) {
      argument_number_.emplace(body_.arguments()[i], i);
    }
  }

  void copy_into(GraphRewriter& to) {
    find_live();
    find_invariant();
    rewrite_body(to);
    add_node(to);
  }

 private:
  std::size_t ys() const { return body_.results().size() - carry_; }
  bool keeps_carries() const {
    return attrs_.carries && std::any_of(used_.begin() + static_cast<std::ptrdiff_t>(carry_ + ys()),
                                         used_.end(), [](bool used) { return used; });
  }

  // Results that somebody reads, carries that these need, and so on.
  void find_live() {
    live_results_.assign(used_.begin(), used_.begin() + static_cast<std::ptrdiff_t>(carry_ + ys()));
    for (std::size_t i = 0; attrs_.carries && i < carry_; ++i) {
      if (used_[carry_ + ys() + i]) live_results_[i] = true;
    }
    for (bool changed = true; changed;) {
      changed = false;
      needed_ = needed_for(body_, live_results_);
      for (std::size_t i = 0; i < carry_; ++i) {
        if (!needed_.arguments[consts_ + i] || live_results_[i]) continue;
        live_results_[i] = changed = true;
      }
    }
    // A carry lives with its argument.
    for (std::size_t i = 0; i < carry_; ++i) needed_.arguments[consts_ + i] = live_results_[i];
  }

  // Nodes that depend on constants of the loop only, and products of a row of xs with such.
  void find_invariant() {
    enum class Kind : std::uint8_t { fixed, invariant, row, step };  // by what a value depends on
    std::vector<Kind> kinds(body_.value_count(), Kind::fixed);
    for (std::size_t i = 0; i < body_.arguments().size(); ++i) {
      kinds[body_.arguments()[i]] = i < consts_            ? Kind::invariant
                                    : i < consts_ + carry_ ? Kind::step
                                                           : Kind::row;
    }
    hoisted_.assign(body_.node_count(), false);
    batched_.assign(body_.node_count(), false);
    for (NodeId n = 0; n < body_.node_count(); ++n) {
      const Node& node = body_.node(n);
      if (node.op == Op::input || !needed_.nodes[n]) continue;
      const auto inputs = body_.inputs(node);
      Kind kind = Kind::fixed;
      for (const ValueId v : inputs) kind = std::max(kind, kinds[v]);
      // What only makes a small array large is done where it is used.
      const bool grows = node.op == Op::broadcast_to || node.op == Op::optimization_barrier;
      hoisted_[n] = kind == Kind::invariant && !grows;
      if (kind == Kind::invariant && grows) kind = Kind::step;
      if (kind == Kind::row) {
        batched_[n] = is_product_of_row(node) && kinds[inputs[0]] == Kind::row &&
                      std::all_of(inputs.begin() + 1, inputs.end(),
                                  [&](ValueId v) { return kinds[v] <= Kind::invariant; });
        kind = Kind::step;
      }
      for (std::uint32_t i = 0; i < node.output_count; ++i) kinds[body_.output(n, i)] = kind;
    }
  }

  // Rows [b, k] by [k, m]: all steps are rows of one product.
  bool is_product_of_row(const Node& node) const {
    if (node.op != Op::matmul && node.op != Op::linear) return false;
    const auto inputs = body_.inputs(node);
    return body_.producer(inputs[0]).op == Op::input && !node.attrs.flag("transpose_a") &&
           body_.spec(inputs[0]).shape.rank() == 2 && body_.spec(inputs[1]).shape.rank() == 2;
  }

  // The value of the outer graph that argument i of the body gets.
  ValueId outside(const GraphRewriter& to, std::size_t i) const {
    return to.mapped(from_.inputs(node_)[i]);
  }

  void rewrite_body(GraphRewriter& to) {
    // Values of the old body that the outer graph has: arguments that are constants, what is
    // hoisted.
    std::vector<ValueId> outer(body_.value_count(), kNoId);
    for (std::size_t i = 0; i < consts_; ++i) outer[body_.arguments()[i]] = outside(to, i);
    GraphRewriter body(body_);
    const auto take_in = [&](ValueId old, std::vector<ValueId>& inputs,
                             std::vector<ValueId>& arguments, ValueId from_outside,
                             const Spec& spec) {
      const ValueId v = append_input(body.graph(), spec);
      body.map(old, v);
      arguments.push_back(v);
      inputs.push_back(from_outside);
    };
    const auto use = [&](ValueId v) {
      if (body.maps(v)) return;
      if (outer[v] != kNoId) {
        take_in(v, const_inputs_, const_arguments_, outer[v], body_.spec(v));
      } else {
        take_in(v, x_inputs_, x_arguments_, outside(to, argument_number_.at(v)), body_.spec(v));
      }
    };
    for (std::size_t i = consts_; i < consts_ + carry_; ++i) {
      if (!needed_.arguments[i]) continue;
      const ValueId v = body_.arguments()[i];
      take_in(v, carry_inputs_, carry_arguments_, outside(to, i), body_.spec(v));
    }
    for (NodeId n = 0; n < body_.node_count(); ++n) {
      const Node& node = body_.node(n);
      if (!needed_.nodes[n] || node.op == Op::input) continue;
      if (hoisted_[n] || batched_[n]) {
        std::vector<ValueId> inputs;
        for (const ValueId v : body_.inputs(node)) inputs.push_back(bring_out(to, outer, v));
        if (hoisted_[n]) {
          const ValueId first = to.add(node.op, node.attrs, inputs, body_.origin(node));
          for (std::uint32_t i = 0; i < node.output_count; ++i) {
            outer[body_.output(n, i)] = first + i;
          }
        } else {
          const ValueId all = add_batched(to, node, inputs);
          take_in(body_.output(n), x_inputs_, x_arguments_, all, body_.spec(body_.output(n)));
        }
        continue;
      }
      for (const ValueId v : body_.inputs(node)) use(v);
      body.copy(n);
    }
    std::vector<ValueId> results;
    for (std::size_t i = 0; i < body_.results().size(); ++i) {
      if (!live_results_[i]) continue;
      use(body_.results()[i]);
      results.push_back(body.mapped(body_.results()[i]));
    }
    for (const auto* arguments : {&const_arguments_, &carry_arguments_, &x_arguments_}) {
      for (const ValueId v : *arguments) body.graph().add_argument(v);
    }
    body.graph().set_results(std::move(results));
    new_body_ = std::move(body.graph());
  }

  // The outer value of an input of a node that leaves the body.
  ValueId bring_out(GraphRewriter& to, std::vector<ValueId>& outer, ValueId v) {
    if (outer[v] != kNoId) return outer[v];
    const Node& producer = body_.producer(v);
    if (producer.op == Op::input) {
      return outside(to, argument_number_.at(v));  // of a row of xs: all of them
    }
    std::vector<ValueId> inputs;
    for (const ValueId in : body_.inputs(producer)) inputs.push_back(bring_out(to, outer, in));
    const ValueId first = to.add(producer.op, producer.attrs, inputs, body_.origin(producer));
    outer[v] = first + body_.value(v).index;
    return outer[v];
  }

  ValueId add_batched(GraphRewriter& to, const Node& node, std::vector<ValueId> inputs) {
    const Origin origin = body_.origin(node);
    const Shape x = to.graph().spec(inputs[0]).shape;  // [steps, b, k]
    const auto reshape = [&](ValueId v, const Shape& shape) {
      return to.add(Op::reshape, {{"shape", shape.to_vector()}}, std::array{v}, origin);
    };
    inputs[0] = reshape(inputs[0], Shape{x[0] * x[1], x[2]});
    const ValueId product = to.add(node.op, node.attrs, inputs, origin);
    return reshape(product, Shape{x[0], x[1], to.graph().spec(product).shape[1]});
  }

  void add_node(GraphRewriter& to) {
    ScanAttrs attrs = attrs_;
    attrs.body = std::make_shared<Subgraph>(std::move(new_body_));
    attrs.consts = static_cast<std::int64_t>(const_arguments_.size());
    attrs.carry = static_cast<std::int64_t>(carry_arguments_.size());
    attrs.carries = keeps_carries();
    std::vector<ValueId> inputs = const_inputs_;
    inputs.insert(inputs.end(), carry_inputs_.begin(), carry_inputs_.end());
    inputs.insert(inputs.end(), x_inputs_.begin(), x_inputs_.end());
    ValueId next = to.add(Op::scan, attrs.attrs(), inputs, from_.origin(from_.node(node_)));
    for (std::size_t i = 0; i < live_results_.size(); ++i) {
      if (live_results_[i]) to.map(from_.output(node_, static_cast<std::uint32_t>(i)), next++);
    }
    for (std::size_t i = 0; attrs.carries && i < carry_; ++i) {
      if (!live_results_[i]) continue;
      to.map(from_.output(node_, static_cast<std::uint32_t>(live_results_.size() + i)), next++);
    }
  }

  const Graph& from_;
  NodeId node_;
  ScanAttrs attrs_;
  const Graph& body_;
  std::size_t consts_;
  std::size_t carry_;
  std::unordered_map<ValueId, std::size_t> argument_number_;
  std::vector<bool> used_;  // outputs of the node
  std::vector<bool> live_results_;
  Needed needed_;
  std::vector<bool> hoisted_;
  std::vector<bool> batched_;
  Graph new_body_;
  std::vector<ValueId> const_inputs_, carry_inputs_, x_inputs_;  // of the new node
  std::vector<ValueId> const_arguments_, carry_arguments_, x_arguments_;
};

}  // namespace

Graph simplify_loops(const Graph& graph) {
  const std::vector<std::uint32_t> uses = graph.use_counts();
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    if (graph.node(n).op == Op::scan) {
      Loop(graph, n, uses).copy_into(to);
    } else {
      to.copy(n);
    }
  }
  return to.finish();
}

}  // namespace nacre
