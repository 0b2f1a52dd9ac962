#include <optional>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op_def.h"
#include "nacre/passes/pipeline.h"
#include "nacre/passes/query.h"

namespace nacre {
namespace {

bool product_gains(const Graph& graph, const Node& node) {
  const Spec& out = graph.spec(node.first_output);
  const Spec& a = graph.spec(graph.inputs(node)[0]);
  if (out.dtype != f32 || a.dtype != f32) return false;
  const Spec& b = graph.spec(graph.inputs(node)[1]);
  const std::int64_t inner = a.shape.at_back(node.attrs.flag("transpose_a") ? -2 : -1);
  const double products = static_cast<double>(out.elements()) * static_cast<double>(inner);
  const auto cast = static_cast<double>(a.elements() + b.elements() + out.elements());
  const BackendFacts& facts = current_backend().facts();
  return products >= facts.least_bfloat16_products &&
         2 * products >= facts.least_operations_a_cast * cast;
}

// The attributes of the convolution in bf16, or nothing where it should stay.
std::optional<Attrs> narrow_convolution(const Graph& graph, const Node& node) {
  const NodeSpecs specs = specs_of(graph, node);
  const auto& [in, out] = specs;
  const Shape& weights = node.op == Op::conv_backward_weights ? out[0].shape : in[1].shape;
  const std::int64_t groups = node.attrs.integer_or("groups", 1);
  const BackendFacts& facts = current_backend().facts();
  const std::int64_t least = facts.least_bfloat16_channels;
  if (in[0].dtype != f32 || weights[1] < least || weights[0] / groups < least) return {};
  const double products = op_def(node.op).cost(node.attrs, in, out).operations / 2;
  if (products < facts.least_bfloat16_products) return {};
  Attrs attrs = node.attrs.with("compute", std::string("bf16"));
  if (!has_kernel(node.op, attrs, specs)) return {};
  return attrs;
}

}  // namespace

Graph lower_to_bfloat16(const Graph& graph) {
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    const Origin origin = graph.origin(node);
    auto inputs = to.mapped_inputs(n);
    switch (node.op) {
      case Op::matmul:
      case Op::linear: {
        if (!product_gains(graph, node)) break;
        for (ValueId& v : inputs) v = to.add(Op::cast, {{"to", bf16}}, {&v, 1}, origin);
        const ValueId narrow = to.add(node.op, node.attrs, inputs, origin);
        to.map(graph.output(n), to.add(Op::cast, {{"to", f32}}, {&narrow, 1}, origin));
        continue;
      }
      case Op::conv:
      case Op::conv_backward_input:
      case Op::conv_backward_weights:
        if (const auto attrs = narrow_convolution(graph, node)) {
          to.replace(n, node.op, *attrs, inputs);
          continue;
        }
        break;
      default:
        break;
    }
    to.copy(n, inputs);
  }
  return to.finish();
}

}  // namespace nacre
