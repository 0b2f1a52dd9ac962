#include "nacre/autodiff/backward.h"

#include <algorithm>

#include "nacre/ops/elementwise.h"
#include "nacre/ops/emit.h"
#include "nacre/ops/structural.h"

namespace nacre {
namespace {

// Which values depend on the sources so that a gradient can flow, and which only through an op
// that blocks it.
struct Reach {
  std::vector<bool> active;
  std::vector<NodeId> blocked_by;
};

Reach find_reach(const Graph& graph, std::span<const ValueId> sources) {
  Reach reach{std::vector<bool>(graph.value_count(), false),
              std::vector<NodeId>(graph.value_count(), kNoId)};
  for (const ValueId id : sources) reach.active[id] = true;
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    bool active = false;
    NodeId blocker = kNoId;
    for (const ValueId in : graph.inputs(node)) {
      active = active || reach.active[in];
      if (blocker == kNoId) blocker = reach.blocked_by[in];
    }
    const bool stops = active && op_def(node.op).gradient == Gradient::zero;
    // Where a gradient rule compares or takes a sign, zero is the true derivative.
    if (stops) blocker = node.derived ? kNoId : n;
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

}  // namespace

Tensors backward(const Graph& graph, const std::function<Tensor(ValueId)>& tensor_of,
                 std::span<const ValueId> targets, std::span<const Tensor> cotangents,
                 std::span<const ValueId> sources) {
  const Reach reach = find_reach(graph, sources);
  const auto leads = [&](ValueId id) { return static_cast<bool>(reach.active[id]); };
  if (!targets.empty() && std::none_of(targets.begin(), targets.end(), leads)) {
    for (const ValueId id : targets) {
      if (reach.blocked_by[id] != kNoId) fail_without_gradient(graph, reach.blocked_by[id]);
    }
  }
  std::vector<Tensor> totals(graph.value_count());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (leads(targets[i])) accumulate(totals[targets[i]], cotangents[i]);
  }
  // The graph may grow while the rules run (they trace into it): only what is here now counts.
  for (NodeId n = static_cast<NodeId>(graph.node_count()); n-- > 0;) {
    const Node node = graph.node(n);
    bool arrives = false;
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      arrives = arrives || totals[graph.output(n, i)].defined();
    }
    if (!arrives) continue;
    const InlineVector<ValueId, 4> in_ids(graph.inputs(node));
    TensorList inputs;
    TensorList outputs;
    TensorList arriving;
    InlineVector<bool, 8> wanted;
    bool any = false;
    for (const ValueId id : in_ids) {
      inputs.push_back(tensor_of(id));
      wanted.push_back(reach.active[id]);
      any = any || reach.active[id];
    }
    if (!any) continue;
    const OpDef& def = op_def(node.op);
    if (!def.vjp) fail_without_gradient(graph, n);
    for (std::uint32_t i = 0; i < node.output_count; ++i) {
      outputs.push_back(tensor_of(graph.output(n, i)));
      arriving.push_back(totals[graph.output(n, i)]);
    }
    const std::string layer(graph.layer(node));
    const OriginScope origin({layer, node.location, true});
    const TensorList gradients = def.vjp({node.attrs, inputs, outputs, arriving, wanted});
    if (gradients.size() != in_ids.size()) {
      throw InternalError(std::string(def.name) + ": its gradient rule returns " +
                          std::to_string(gradients.size()) + " gradients for " +
                          std::to_string(in_ids.size()) + " inputs");
    }
    for (std::size_t i = 0; i < in_ids.size(); ++i) {
      if (!wanted[i] || !gradients[i].defined()) continue;
      if (!(gradients[i].spec() == inputs[i].spec())) {
        throw InternalError(std::string(def.name) + ": gradient " + std::to_string(i) + " is " +
                            to_string(gradients[i].spec()) + ", its input is " +
                            to_string(inputs[i].spec()));
      }
      accumulate(totals[in_ids[i]], gradients[i]);
    }
  }
  Tensors result;
  for (const ValueId id : sources) {
    result.push_back(totals[id].defined() ? totals[id] : zeros_like(tensor_of(id)));
  }
  return result;
}

}  // namespace nacre
