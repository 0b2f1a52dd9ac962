// Gradients of scan and cond: loops and branches again, whose bodies are the gradients of the
// bodies.
#include <algorithm>

#include "nacre/autodiff/backward.h"
#include "nacre/graph/query.h"
#include "nacre/ops/control/body.h"
#include "nacre/ops/control/control.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/structural.h"
#include "nacre/run/control.h"
#include "nacre/run/tape.h"
#include "nacre/run/trace_session.h"

namespace nacre {
namespace {

// The tensor as a value of its own where ops are applied now: two arguments that are the same
// tensor outside have gradients of their own.
Tensor own_value(const Tensor& t, GradientTape& tape) {
  if (const TraceSession* session = TraceSession::current()) {
    return append_node(session->trace(), Op::identity, {}, std::array{t}, {})[0];
  }
  return is_floating(t.dtype()) ? tape.watch(emit_one(Op::identity, {t}, {})) : t;
}

// Applies the nodes of a graph to other arguments.
Tensors apply_graph(const Graph& graph, const Tensors& arguments) {
  Tensors values(graph.value_count());
  for (std::size_t i = 0; i < arguments.size(); ++i) values[graph.arguments()[i]] = arguments[i];
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    if (node.op == Op::input) continue;
    if (node.op == Op::constant) {
      values[graph.output(n)] = Tensor(constant_of(node).spec(), constant_of(node).data());
      continue;
    }
    Tensors inputs;
    for (const ValueId v : graph.inputs(node)) inputs.push_back(values[v]);
    const OriginScope origin(graph.origin(node));
    const TensorList out = node.op == Op::fill && TraceSession::current()
                               ? append_node(TraceSession::current()->trace(), node.op, node.attrs,
                                             inputs, node.location)
                               : emit(node.op, node.attrs, inputs, node.location);
    for (std::uint32_t i = 0; i < node.output_count; ++i) values[graph.output(n, i)] = out[i];
  }
  Tensors results;
  for (const ValueId v : graph.results()) results.push_back(values[v]);
  return results;
}

// The gradients of the graph's results, weighted with cotangents (undefined ones count as zero),
// with respect to the `wanted` arguments; zeros where nothing arrives.
Tensors gradient_of_graph(const Graph& graph, const Tensors& arguments, const Tensors& cotangents,
                          const std::vector<std::size_t>& wanted) {
  GradientTape tape({.watch_variables = false});
  Tensors own;
  for (const Tensor& t : arguments) own.push_back(own_value(t, tape));
  Tensors sources;
  for (const std::size_t i : wanted) sources.push_back(own[i]);
  const Tensors results = apply_graph(graph, own);
  Tensors targets;
  Tensors weights;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!cotangents[i].defined()) continue;
    targets.push_back(results[i]);
    weights.push_back(cotangents[i]);
  }
  if (!targets.empty()) return tape.gradient(targets, sources, weights);
  Tensors zero;
  for (const Tensor& t : sources) zero.push_back(zeros_like(t));
  return zero;
}

// Which values of the graph depend on the given arguments so that a gradient may flow.
std::vector<bool> depending(const Graph& graph, const std::vector<bool>& arguments) {
  std::vector<bool> depends(graph.value_count(), false);
  for (std::size_t i = 0; i < arguments.size(); ++i) depends[graph.arguments()[i]] = arguments[i];
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    const auto inputs = graph.inputs(node);
    const bool any =
        op_def(node.op).gradient != Gradient::zero &&
        std::any_of(inputs.begin(), inputs.end(), [&](ValueId v) { return depends[v]; });
    for (std::uint32_t i = 0; any && i < node.output_count; ++i) {
      const ValueId v = graph.output(n, i);
      depends[v] = is_floating(graph.spec(v).dtype);
    }
  }
  return depends;
}

// What flows backward through one scan.
class ScanGradient {
 public:
  explicit ScanGradient(const VjpContext& c)
      : c_(c),
        a_(ScanAttrs::of(c.attrs)),
        body_(a_.graph()),
        consts_(static_cast<std::size_t>(a_.consts)),
        carry_(static_cast<std::size_t>(a_.carry)),
        ys_(a_.ys()) {
    if (!a_.carries) throw InternalError("scan: a gradient needs the carries of all steps");
    find_active();
  }

  TensorList run() const {
    // The carry: cotangents of the active carries, then sums for the wanted constants.
    Tensors init;
    for (const std::size_t i : active_) init.push_back(c_.ct(i));
    for (const std::size_t i : wanted_consts_) init.push_back(zeros_like(c_.in(i)));
    const detail::ScanResult back =
        detail::scan([&](const Tensors& carry, const Tensors& x) { return step(carry, x); }, init,
                     rows(), {.length = a_.length, .reverse = !a_.reverse}, Location());
    TensorList gradients;
    gradients.resize(c_.inputs.size());
    for (std::size_t k = 0; k < active_.size(); ++k) {
      gradients[consts_ + active_[k]] = back.carry[k];
    }
    for (std::size_t k = 0; k < wanted_consts_.size(); ++k) {
      gradients[wanted_consts_[k]] = back.carry[active_.size() + k];
    }
    for (std::size_t k = 0; k < wanted_xs_.size(); ++k) {
      gradients[consts_ + carry_ + wanted_xs_[k]] = back.ys[k];
    }
    return gradients;
  }

 private:
  // Carries through which a gradient reaches something that is wanted.
  void find_active() {
    std::vector<bool> arguments(c_.wanted.begin(), c_.wanted.end());
    for (bool changed = true; changed;) {
      changed = false;
      const std::vector<bool> depends = depending(body_, arguments);
      for (std::size_t i = 0; i < carry_; ++i) {
        if (arguments[consts_ + i] || !depends[body_.results()[i]]) continue;
        arguments[consts_ + i] = changed = true;
      }
    }
    for (std::size_t i = 0; i < carry_; ++i) {
      if (arguments[consts_ + i]) active_.push_back(i);
    }
    for (std::size_t i = 0; i < consts_; ++i) {
      if (c_.wanted[i]) wanted_consts_.push_back(i);
    }
    for (std::size_t i = consts_ + carry_; i < c_.wanted.size(); ++i) {
      if (c_.wanted[i]) wanted_xs_.push_back(i - consts_ - carry_);
    }
  }

  // A step's rows: its carry and x, the cotangents of its ys and of its carry as a result, as far
  // as some arrive.
  Tensors rows() const {
    Tensors all;
    for (std::size_t i = 0; i < carry_; ++i) all.push_back(c_.out(carry_ + ys_ + i));
    for (std::size_t i = consts_ + carry_; i < c_.inputs.size(); ++i) all.push_back(c_.in(i));
    for (std::size_t i = 0; i < ys_; ++i) {
      if (c_.cotangents[carry_ + i].defined()) all.push_back(c_.cotangents[carry_ + i]);
    }
    for (const std::size_t i : active_) {
      const Tensor& ct = c_.cotangents[carry_ + ys_ + i];
      if (ct.defined()) all.push_back(ct);
    }
    return all;
  }

  detail::ScanResult step(const Tensors& carry, const Tensors& x) const {
    std::size_t next = 0;
    Tensors arguments(c_.inputs.begin(), c_.inputs.begin() + static_cast<std::ptrdiff_t>(consts_));
    while (next < carry_ + a_.xs()) arguments.push_back(x[next++]);
    Tensors cotangents(carry_ + ys_);
    for (std::size_t k = 0; k < active_.size(); ++k) cotangents[active_[k]] = carry[k];
    for (std::size_t i = 0; i < ys_; ++i) {
      if (c_.cotangents[carry_ + i].defined()) cotangents[carry_ + i] = x[next++];
    }
    std::vector<std::size_t> wanted;
    for (const std::size_t i : active_) wanted.push_back(consts_ + i);
    for (const std::size_t i : wanted_consts_) wanted.push_back(i);
    for (const std::size_t i : wanted_xs_) wanted.push_back(consts_ + carry_ + i);
    const Tensors gradients = gradient_of_graph(body_, arguments, cotangents, wanted);
    detail::ScanResult result;
    for (std::size_t k = 0; k < active_.size(); ++k) {
      const bool is_result = c_.cotangents[carry_ + ys_ + active_[k]].defined();
      result.carry.push_back(is_result ? add(gradients[k], x[next++]) : gradients[k]);
    }
    for (std::size_t k = 0; k < wanted_consts_.size(); ++k) {
      const std::size_t at = active_.size() + k;
      result.carry.push_back(add(carry[at], gradients[at]));
    }
    result.ys.assign(gradients.end() - static_cast<std::ptrdiff_t>(wanted_xs_.size()),
                     gradients.end());
    return result;
  }

  const VjpContext& c_;
  ScanAttrs a_;
  const Graph& body_;
  std::size_t consts_;
  std::size_t carry_;
  std::size_t ys_;
  std::vector<std::size_t> active_;
  std::vector<std::size_t> wanted_consts_;
  std::vector<std::size_t> wanted_xs_;
};

}  // namespace

TensorList scan_gradient(const VjpContext& c) { return ScanGradient(c).run(); }

TensorList cond_gradient(const VjpContext& c) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 1; i < c.inputs.size(); ++i) {
    if (c.wanted[i]) wanted.push_back(i - 1);
  }
  const Tensors operands(c.inputs.begin() + 1, c.inputs.end());
  const Tensors cotangents(c.cotangents.begin(), c.cotangents.end());
  const auto branch = [&](std::string_view key) {
    return [&, key] {
      return gradient_of_graph(subgraph(c.attrs, key), operands, cotangents, wanted);
    };
  };
  const Tensors found = detail::cond(c.in(0), branch("then"), branch("otherwise"));
  TensorList gradients;
  gradients.resize(c.inputs.size());
  for (std::size_t k = 0; k < wanted.size(); ++k) gradients[wanted[k] + 1] = found[k];
  return gradients;
}

}  // namespace nacre
