#include "nacre/base/inline_vector.h"
#include "nacre/ops/op.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

// Below this many multiplications a cast costs more than bf16 saves.
constexpr double kSmallest = 64.0 * 64 * 64;

bool gains(const Graph& graph, const Node& node) {
  if (node.op != Op::matmul && node.op != Op::linear) return false;
  const Spec& out = graph.spec(node.first_output);
  const Spec& a = graph.spec(graph.inputs(node)[0]);
  if (out.dtype != f32 || a.dtype != f32) return false;
  const std::int64_t inner = a.shape.at_back(node.attrs.flag("transpose_a") ? -2 : -1);
  return static_cast<double>(out.elements()) * static_cast<double>(inner) >= kSmallest;
}

}  // namespace

Graph lower_to_bfloat16(const Graph& graph) {
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node& node = graph.node(n);
    if (!gains(graph, node)) {
      to.copy(n);
      continue;
    }
    const Origin origin = graph.origin(node);
    InlineVector<ValueId, 8> inputs;
    for (const ValueId v : graph.inputs(node)) {
      const ValueId wide = to.mapped(v);
      inputs.push_back(to.add(Op::cast, {{"to", bf16}}, {&wide, 1}, origin));
    }
    const ValueId narrow = to.add(node.op, node.attrs, inputs, origin);
    to.map(graph.output(n), to.add(Op::cast, {{"to", f32}}, {&narrow, 1}, origin));
  }
  return to.finish();
}

}  // namespace nacre
