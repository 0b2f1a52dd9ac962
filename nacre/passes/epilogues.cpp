// A product with a bias, and a function after it, in one step: the kernel adds and applies while
// the tile of the product is in registers.
#include <fmt/format.h>

#include <optional>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op.h"
#include "nacre/passes/pipeline.h"

namespace nacre {
namespace {

class EpilogueFuser {
 public:
  explicit EpilogueFuser(const Graph& graph) : graph_(graph), uses_(graph.use_counts()) {}

  Graph run() {
    GraphRewriter to(graph_);
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      std::optional<ValueId> found = with_bias(to, n);
      if (!found) found = with_activation(to, n);
      if (found) {
        to.map(graph_.output(n), *found);
      } else {
        to.copy(n);
      }
    }
    return remove_dead_code(to.finish());
  }

 private:
  // The value is read once, so what makes it may become part of its reader.
  bool only_here(ValueId v) const { return uses_[v] == 1; }

  // add(matmul(a, b), bias [n]).
  std::optional<ValueId> with_bias(GraphRewriter& to, NodeId n) const {
    const Node& node = graph_.node(n);
    if (node.op != Op::add) return {};
    for (std::size_t i = 0; i < 2; ++i) {
      const ValueId product = graph_.inputs(node)[i];
      const ValueId bias = graph_.inputs(node)[1 - i];
      const Spec& out = graph_.spec(graph_.output(n));
      if (graph_.producer(product).op != Op::matmul || !only_here(product)) continue;
      if (!is_floating(out.dtype) || !(graph_.spec(product) == out)) continue;
      const Shape& shape = graph_.spec(bias).shape;
      const std::int64_t columns = out.shape.at_back(-1);
      if (shape.rank() < 1 || shape.elements() != columns || shape.at_back(-1) != columns) continue;
      const Node& matmul = graph_.producer(product);
      const auto operands = graph_.inputs(matmul);
      const Origin origin = graph_.origin(matmul);
      ValueId flat = to.mapped(bias);
      if (shape.rank() > 1) {
        flat = to.add(Op::reshape, {{"shape", std::vector<std::int64_t>{columns}}}, {&flat, 1},
                      origin);
      }
      const ValueId inputs[] = {to.mapped(operands[0]), to.mapped(operands[1]), flat};
      return to.add(Op::linear, matmul.attrs.with("activation", std::string("none")), inputs,
                    origin);
    }
    return {};
  }

  // The name of a function that the kernels of the node before it may apply, or "".
  static std::string activation_after(const Node& before, Op op) {
    const bool relu = op == Op::relu;
    if (before.op == Op::conv) {
      const bool taken = before.attrs.has("activation") && !before.attrs.text("activation").empty();
      return relu && !taken ? "relu" : "";
    }
    if (before.op != Op::linear || before.attrs.text("activation") != "none") return "";
    return relu ? "relu" : op == Op::sigmoid ? "sigmoid" : op == Op::tanh ? "tanh" : "";
  }

  // activation(linear(a, b, bias)) and relu(conv(x, w, bias)). The node before is already in the
  // new graph, and dies.
  std::optional<ValueId> with_activation(GraphRewriter& to, NodeId n) const {
    const Node& node = graph_.node(n);
    if (node.input_count != 1 || !only_here(graph_.inputs(node)[0])) return {};
    const Node before = to.graph().producer(to.mapped(graph_.inputs(node)[0]));
    const std::string activation = activation_after(before, node.op);
    if (activation.empty()) return {};
    const InlineVector<ValueId, 4> inputs(to.graph().inputs(before));
    const std::string layer(to.graph().layer(before));
    return to.add(before.op, before.attrs.with("activation", activation), inputs,
                  {layer, before.location});
  }

  const Graph& graph_;
  std::vector<std::uint32_t> uses_;
};

}  // namespace

Graph fuse_epilogues(const Graph& graph) { return EpilogueFuser(graph).run(); }

}  // namespace nacre
