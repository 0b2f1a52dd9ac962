#include "nacre/autodiff/backward.h"

#include <algorithm>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"

namespace nacre {
namespace {

// Which values depend on the sources so that a gradient can flow, and which only through an op
// that blocks it.
struct Reach {
  std::vector<bool> active;
  std::vector<NodeId> blocked_by;
};

Reach find_reach(const Graph& graph, std::span<const ValueId> sources, NodeId first, NodeId end) {
  Reach reach{std::vector<bool>(graph.value_count(), false),
              std::vector<NodeId>(graph.value_count(), kNoId)};
  for (const ValueId id : sources) reach.active[id] = true;
  for (NodeId n = first; n < end; ++n) {
    const Node& node = graph.node(n);
    bool active = false;
    NodeId blocker = kNoId;
    for (const ValueId in : graph.inputs(node)) {
      active = active || reach.active[in];
      const NodeId inherited = reach.blocked_by[in];
      // The indices beside sorted values: a rule that uses them has a zero derivative in them.
      const bool beside = node.derived && inherited != kNoId &&
                          op_def(graph.node(inherited).op).gradient == Gradient::vjp;
      if (blocker == kNoId && !beside) blocker = inherited;
    }
    const bool stops = active && op_def(node.op).gradient == Gradient::zero;
    // Where a gradient rule compares or takes a sign, zero is the true derivative; stop_gradient
    // asks for zero.
    if (stops) blocker = node.derived || node.op == Op::stop_gradient ? kNoId : n;
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      const ValueId out = graph.output(n, i);
      if (active && !stops && is_floating(graph.spec(out).dtype)) {
        reach.active[out] = true;
      } else if (!reach.active[out]) {
        reach.blocked_by[out] = active && !stops && !node.derived ? n : blocker;
      }
    }
  }
  return reach;
}

[[noreturn]] void fail_without_gradient(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const OpDef& def = op_def(node.op);
  const auto inputs = graph.inputs(node);
  std::string specs;
  for (const ValueId in : inputs) {
    specs += (specs.empty() ? "input " : ", ") + to_string(graph.spec(in));
  }
  throw GradientError(format_error(
      {.op = def.name,
       .what = "it has no gradient, and the result depends on what is differentiated only "
               "through it",
       .inputs = specs,
       .layer = graph.layer(node),
       .location = node.location,
       .hint = def.gradient_hint.empty() ? "use a differentiable function of its input instead"
                                         : def.gradient_hint}));
}

void accumulate(Tensor& total, const Tensor& part) {
  total = total.defined() ? add(total, part) : part;
}

// Calls the gradient rule of one node; `arriving` are the cotangents of its outputs.
TensorList apply_rule(const Graph& graph, const Node& node,
                      const std::function<Tensor(ValueId)>& tensor_of,
                      std::span<const ValueId> in_ids, const TensorList& arriving,
                      std::span<const bool> wanted) {
  const OpDef& def = op_def(node.op);
  TensorList inputs;
  TensorList outputs;
  for (const ValueId id : in_ids) inputs.push_back(tensor_of(id));
  for (std::uint32_t i = 0; i < node.output_count; ++i) {
    outputs.push_back(tensor_of(node.first_output + i));
  }
  // A copy: the graph's own strings move when a rule traces into it.
  const std::string layer(graph.layer(node));
  const OriginScope origin({layer, node.location, true});
  TensorList gradients = def.vjp({node.attrs, inputs, outputs, arriving, wanted});
  if (gradients.size() != in_ids.size()) {
    throw InternalError(std::string(def.name) + ": its gradient rule returns " +
                        std::to_string(gradients.size()) + " gradients for " +
                        std::to_string(in_ids.size()) + " inputs");
  }
  for (std::size_t i = 0; i < in_ids.size(); ++i) {
    if (!wanted[i] || !gradients[i].defined() || gradients[i].spec() == inputs[i].spec()) continue;
    throw InternalError(std::string(def.name) + ": gradient " + std::to_string(i) + " is " +
                        to_string(gradients[i].spec()) + ", its input is " +
                        to_string(inputs[i].spec()));
  }
  return gradients;
}

// Refuses targets that no gradient can reach, where that is an error.
void check_reachable(const Graph& graph, const Reach& reach, std::span<const ValueId> targets,
                     const Location& at) {
  bool floating = targets.empty();
  for (const ValueId id : targets) {
    if (reach.active[id]) return;
    floating = floating || is_floating(graph.spec(id).dtype);
  }
  for (const ValueId id : targets) {
    if (reach.blocked_by[id] != kNoId) fail_without_gradient(graph, reach.blocked_by[id]);
  }
  if (floating) return;
  throw DTypeError(format_error({.op = "gradient",
                                 .what = "the target is " + to_string(graph.spec(targets[0])) +
                                         "; only floating point can be differentiated",
                                 .location = at}));
}

}  // namespace

Tensors backward(const Graph& graph, const std::function<Tensor(ValueId)>& tensor_of,
                 std::span<const ValueId> targets, std::span<const Tensor> cotangents,
                 std::span<const ValueId> sources, const BackwardRange& range) {
  // The graph may grow while the rules run (they trace into it): only what is here now counts.
  const NodeId end = std::min(range.end, static_cast<NodeId>(graph.node_count()));
  const Reach reach = find_reach(graph, sources, range.first, end);
  check_reachable(graph, reach, targets, range.location);
  std::vector<bool> is_source(graph.value_count(), false);
  for (const ValueId id : sources) is_source[id] = true;
  std::vector<Tensor> totals(graph.value_count());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (reach.active[targets[i]]) accumulate(totals[targets[i]], cotangents[i]);
  }
  for (NodeId n = end; n-- > range.first;) {
    const Node node = graph.node(n);
    TensorList arriving;
    bool arrives = false;
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      Tensor& total = totals[graph.output(n, i)];
      arrives = arrives || total.defined();
      arriving.push_back(total);
      // No longer needed here: large gradients go as soon as they are used.
      if (!is_source[graph.output(n, i)]) total = Tensor();
    }
    if (!arrives) continue;
    const InlineVector<ValueId, 4> in_ids(graph.inputs(node));
    InlineVector<bool, 8> wanted;
    bool any = false;
    for (const ValueId id : in_ids) {
      wanted.push_back(reach.active[id]);
      any = any || reach.active[id];
    }
    const OpDef& def = op_def(node.op);
    if (!any || def.gradient == Gradient::zero) continue;
    if (!def.vjp) fail_without_gradient(graph, n);
    const TensorList gradients = apply_rule(graph, node, tensor_of, in_ids, arriving, wanted);
    for (std::size_t i = 0; i < in_ids.size(); ++i) {
      if (wanted[i] && gradients[i].defined()) accumulate(totals[in_ids[i]], gradients[i]);
    }
  }
  Tensors result;
  for (const ValueId id : sources) {
    result.push_back(totals[id].defined() ? totals[id] : zeros_like(tensor_of(id)));
  }
  return result;
}

}  // namespace nacre
