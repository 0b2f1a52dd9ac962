#include "nacre/ops/define/emit.h"

#include <fmt/format.h>

#include "nacre/base/layer_scope.h"
#include "nacre/graph/subgraph.h"
#include "nacre/ops/control/body.h"

namespace nacre {
namespace {
thread_local const Origin* forced_origin = nullptr;
}  // namespace

Origin current_origin(const Location& at) {
  return forced_origin ? *forced_origin : Origin{layer_path(), at};
}

OriginScope::OriginScope(const Origin& origin) : previous_(forced_origin), origin_(origin) {
  forced_origin = &origin_;
}
OriginScope::~OriginScope() { forced_origin = previous_; }

SpecList infer_specs(Op op, const Attrs& attrs, std::span<const Spec> inputs, const Location& at) {
  return op_def(op).infer(InferContext{op, attrs, inputs, current_origin(at).location});
}

TensorList emit(Op op, const Attrs& attrs, std::span<const Tensor> inputs, const Location& at) {
  for (const Tensor& t : inputs) {
    if (!t.is_traced()) continue;
    // Whatever a body computes belongs to it; the passes take out what does not depend on its step.
    const BodyScope* const body = BodyScope::current();
    return append_node(body ? body->trace() : t.trace_handle(), op, attrs, inputs, at);
  }
  return emit_eager(op, attrs, inputs, at);
}

Tensor emit_one(Op op, const Attrs& attrs, std::initializer_list<Tensor> inputs,
                const Location& at) {
  return emit(op, attrs, {inputs.begin(), inputs.size()}, at)[0];
}

ValueId value_in(const std::shared_ptr<Trace>& trace, const Tensor& tensor) {
  BodyScope* const body = BodyScope::current();
  if (tensor.is_traced()) {
    if (tensor.trace_handle() == trace) return tensor.value();
    if (body && body->trace() == trace) return body->capture(tensor);
    throw TraceError(
        "trace: a value of one traced function is used in another; return it from the first "
        "function and pass it to the second");
  }
  // Numbers are written into a body, arrays are handed in: the body stays small.
  if (body && body->trace() == trace && tensor.rank() > 0) return body->capture(tensor);
  const Attrs attrs{
      {"value", PayloadPtr(std::make_shared<Constant>(tensor.spec(), tensor.buffer()))}};
  const NodeId node = trace->graph.add(Op::constant, attrs, {}, {&tensor.spec(), 1});
  return trace->graph.output(node);
}

TensorList append_node(const std::shared_ptr<Trace>& trace, Op op, const Attrs& attrs,
                       std::span<const Tensor> inputs, const Location& at) {
  if (!trace->open) {
    throw TraceError(format_error(
        {.op = name_of(op),
         .what = "a value of a traced function is used after the function has returned",
         .location = at,
         .hint = "return the value from the function instead of storing it outside"}));
  }
  SpecList specs;
  for (const Tensor& t : inputs) specs.push_back(t.spec());
  const SpecList outputs = infer_specs(op, attrs, specs, at);
  InlineVector<ValueId, 4> ids;
  for (const Tensor& t : inputs) ids.push_back(value_in(trace, t));
  const NodeId node = trace->graph.add(op, attrs, ids, outputs, current_origin(at));
  TensorList result;
  for (std::uint32_t i = 0; i < outputs.size(); ++i) {
    result.push_back(Tensor::traced(trace, trace->graph.output(node, i)));
  }
  return result;
}

void verify(const Graph& graph, std::string_view after) {
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    const Node& node = graph.node(id);
    SpecList specs;
    for (const ValueId input : graph.inputs(node)) {
      if (input >= node.first_output) {
        throw InternalError(fmt::format("after {}: node {} ({}) uses the later value %{}", after,
                                        id, name_of(node.op), input));
      }
      specs.push_back(graph.spec(input));
    }
    for_each_subgraph(node.attrs, [&](std::string_view, const Graph& g) { verify(g, after); });
    const SpecList outputs = infer_specs(node.op, node.attrs, specs, node.location);
    bool same = outputs.size() == node.output_count;
    for (std::uint32_t i = 0; same && i < node.output_count; ++i) {
      same = outputs[i] == graph.spec(graph.output(id, i));
    }
    if (!same) {
      throw InternalError(
          fmt::format("after {}: node {} ({}) has outputs that do not follow from "
                      "its inputs",
                      after, id, name_of(node.op)));
    }
  }
  for (const ValueId id : graph.results()) {
    if (id >= graph.value_count()) {
      throw InternalError(fmt::format("after {}: result %{} does not exist", after, id));
    }
  }
}

}  // namespace nacre
