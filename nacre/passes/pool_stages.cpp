// What a maximum pool makes unnecessary before it: max(relu(x)) over windows has the gradient of
// the pool where the maximum is positive, so the mask needs no pass of its own over the larger
// array; pixels that no window covers need not be computed; and a small first stage is one step.
#include <algorithm>
#include <optional>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op.h"
#include "nacre/ops/image/pool_geometry.h"
#include "nacre/passes/pipeline.h"
#include "nacre/passes/query.h"

namespace nacre {
namespace {

// where(y > 0, max_pool_backward(y, ct), 0): the pool's gradient, or null.
const Node* masked_gradient(const Graph& graph, const Readers& readers, const Node& node) {
  if (node.op != Op::where) return nullptr;
  const auto in = graph.inputs(node);
  const Node& test = graph.producer(in[0]);
  const Node& pool = graph.producer(in[1]);
  if (test.op != Op::greater || pool.op != Op::max_pool_backward) return nullptr;
  if (!(graph.spec(in[1]) == graph.spec(node.first_output))) return nullptr;
  if (readers.only(in[1]) == kNoId) return nullptr;
  if (graph.inputs(test)[0] != graph.inputs(pool)[0]) return nullptr;
  if (!is_uniform(graph, graph.inputs(test)[1], 0) || !is_uniform(graph, in[2], 0)) return nullptr;
  return &pool;
}

Graph merge_masks(const Graph& graph) {
  const Readers readers(graph);
  GraphRewriter to(graph);
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    const Node* pool = masked_gradient(graph, readers, graph.node(n));
    if (!pool) {
      to.copy(n);
      continue;
    }
    const auto in = graph.inputs(*pool);
    const ValueId inputs[] = {to.mapped(in[0]), to.mapped(in[1])};
    to.map(graph.output(n), to.add(Op::max_pool_backward, pool->attrs.with("relu", true), inputs,
                                   graph.origin(*pool)));
  }
  return remove_dead_code(to.finish());
}

using Ints = std::vector<std::int64_t>;

bool is_2x2(const Attrs& pool) {
  if (pool.has("output") || pool.flag("ceil_mode") || pool.flag("channels_last")) return false;
  return pool.integers("kernel") == Ints{2, 2} && pool.integers("stride") == Ints{2, 2} &&
         pool.integers("padding") == Ints{0, 0, 0, 0} && pool.integers("dilation") == Ints{1, 1};
}

// conv_pool for a first stage whose picture needs no gradient.
class StageFuser {
 public:
  explicit StageFuser(const Graph& graph) : graph_(graph), readers_(graph) {}

  Graph run() {
    stages_.resize(graph_.node_count());
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      const std::optional<Stage> stage = find(n);
      if (!stage) continue;
      stages_[n] = stage;
      if (stage->backward) stages_[*stage->backward] = stage;
    }
    GraphRewriter to(graph_);
    std::vector<ValueId> which(graph_.node_count(), kNoId);  // by the stage's convolution
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      const Node& node = graph_.node(n);
      if (!stages_[n]) {
        if (!part_of_stage(node)) to.copy(n);
        continue;
      }
      const Stage& stage = *stages_[n];
      if (n == stage.conv) {
        const ValueId first =
            to.add(Op::conv_pool, node.attrs, to.mapped_inputs(n), graph_.origin(node));
        to.map(graph_.output(stage.pool), first);
        which[n] = first + 1;
        continue;
      }
      const ValueId inputs[] = {to.mapped(graph_.inputs(n)[0]), to.mapped(stage.ct),
                                which[stage.conv]};
      to.replace(n, Op::conv_pool_backward_weights, node.attrs, inputs);
    }
    return to.finish();
  }

 private:
  struct Stage {
    NodeId conv;
    NodeId pool;
    std::optional<NodeId> backward;  // conv_backward_weights
    ValueId ct = kNoId;              // of the pool's result, for that
  };

  // Nodes between the ends of a stage, which its two new nodes replace.
  bool part_of_stage(const Node& node) const {
    if (node.op != Op::max_pool && node.op != Op::max_pool_backward) return false;
    return stages_[graph_.value(graph_.inputs(node)[0]).producer].has_value();
  }

  std::optional<Stage> find(NodeId n) const {
    const Node& conv = graph_.node(n);
    if (conv.op != Op::conv || !conv.attrs.has("activation")) return {};
    if (conv.attrs.text("activation") != "relu" || conv.attrs.flag("channels_last")) return {};
    const ValueId y = graph_.output(n);
    const auto readers = readers_.of(y);
    if (readers_.is_result(y) || readers.empty() || readers.size() > 2) return {};
    Stage stage{.conv = n, .pool = readers[0], .backward = {}};
    const Node& pool = graph_.node(stage.pool);
    if (pool.op != Op::max_pool || graph_.spec(y).shape.rank() != 4 || !is_2x2(pool.attrs)) {
      return {};
    }
    const Spec& pooled = graph_.spec(pool.first_output);
    if (!plain(conv.attrs)) return {};
    const NodeSpecs specs{specs_of(graph_, graph_.inputs(n)), {pooled, {u8, pooled.shape}}};
    if (!has_kernel(Op::conv_pool, conv.attrs, specs)) return {};
    if (readers.size() == 2 && !find_gradient(readers[1], stage)) return {};
    return stage;
  }

  static bool plain(const Attrs& conv) {
    return conv.integers("stride") == Ints{1, 1} && conv.integers("dilation") == Ints{1, 1} &&
           conv.integer("groups") == 1;
  }

  bool find_gradient(NodeId reader, Stage& stage) const {
    const Node& pool = graph_.node(reader);
    if (pool.op != Op::max_pool_backward || !pool.attrs.flag_or("relu", false)) return false;
    if (!(pool.attrs.without("relu") == graph_.node(stage.pool).attrs)) return false;
    const ValueId dy = pool.first_output;
    const NodeId only = readers_.only(dy);
    if (only == kNoId) return false;
    stage.backward = only;
    stage.ct = graph_.inputs(pool)[1];
    const Node& weights = graph_.node(*stage.backward);
    const Node& conv = graph_.node(stage.conv);
    if (weights.op != Op::conv_backward_weights || graph_.inputs(weights)[1] != dy) return false;
    if (graph_.inputs(weights)[0] != graph_.inputs(conv)[0] || !plain(weights.attrs)) return false;
    if (weights.attrs.integers("padding") != conv.attrs.integers("padding")) return false;
    const Spec& ct = graph_.spec(stage.ct);
    const NodeSpecs specs{{graph_.spec(graph_.inputs(weights)[0]), ct, {u8, ct.shape}},
                          specs_of(graph_, weights).out};
    return specs.out[0].shape == graph_.spec(graph_.inputs(conv)[1]).shape &&
           has_kernel(Op::conv_pool_backward_weights, weights.attrs, specs);
  }

  const Graph& graph_;
  Readers readers_;
  std::vector<std::optional<Stage>> stages_;  // by node: the convolution, its weights' gradient
};

class Cropper {
 public:
  explicit Cropper(const Graph& graph)
      : graph_(graph), readers_(graph), crops_(graph.node_count()) {}

  Graph run() {
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      if (graph_.node(n).op == Op::conv) look_at(n);
    }
    GraphRewriter to(graph_);
    for (NodeId n = 0; n < graph_.node_count(); ++n) {
      const Node& node = graph_.node(n);
      const std::optional<Ints>& crop = crops_[n];
      if (!crop) {
        to.copy(n);
        continue;
      }
      // An empty list: the node only has to follow its input's new shape.
      const Attrs attrs = crop->empty() ? node.attrs : node.attrs.with("crop", *crop);
      to.replace(n, node.op, attrs, to.mapped_inputs(n));
    }
    return to.finish();
  }

 private:
  // How much of the convolution's (padded) input the windows of its pools do not need; nothing when
  // it is all needed, or when others read the outputs.
  void look_at(NodeId conv) {
    const ValueId y = graph_.output(conv);
    if (readers_.is_result(y)) return;
    const Node* pool = nullptr;
    std::vector<NodeId> followers;
    std::vector<NodeId> gradients;
    for (const NodeId r : readers_.of(y)) {
      const Node& node = graph_.node(r);
      if (node.op != Op::max_pool && node.op != Op::max_pool_backward) return;
      if (graph_.inputs(node)[0] != y) return;
      if (node.op == Op::max_pool) {
        if (pool && !(pool->attrs == node.attrs)) return;
        pool = &node;
        continue;
      }
      if (!only_reaches_gradients(graph_.output(r), gradients)) return;
      followers.push_back(r);
    }
    if (!pool) return;
    for (const NodeId f : followers) {
      if (!(graph_.node(f).attrs.without("relu") == pool->attrs)) return;
    }
    const Node& node = graph_.node(conv);
    const Ints crop = unused(node, *pool);
    if (crop.empty()) return;
    crops_[conv] = crop;
    for (const NodeId f : followers) crops_[f] = Ints{};
    for (const NodeId g : gradients) crops_[g] = crop;
  }

  // Whether only the gradients of a convolution read dy; adds them.
  bool only_reaches_gradients(ValueId dy, std::vector<NodeId>& gradients) const {
    if (readers_.is_result(dy)) return false;
    for (const NodeId r : readers_.of(dy)) {
      const Node& node = graph_.node(r);
      const auto in = graph_.inputs(node);
      const bool input = node.op == Op::conv_backward_input && in[0] == dy && in[1] != dy;
      const bool weights = node.op == Op::conv_backward_weights && in[1] == dy && in[0] != dy;
      if (!input && !weights) return false;
      gradients.push_back(r);
    }
    return true;
  }

  Ints unused(const Node& conv, const Node& pool) const {
    const Attrs& attrs = pool.attrs;
    if (attrs.has("output") || attrs.flag("ceil_mode") || conv.attrs.has("crop")) return {};
    for (const std::int64_t p : attrs.integers("padding")) {
      if (p != 0) return {};
    }
    const Shape& y = graph_.spec(conv.first_output).shape;
    const PoolGeometry geometry(attrs, y, graph_.spec(pool.first_output).shape);
    const bool last = attrs.flag_or("channels_last", false);
    const Image image(y, last);
    const auto& stride = conv.attrs.integers("stride");
    const int axes = y.rank() - 2;
    Ints crop;
    bool any = false;
    for (int i = 0; i < axes; ++i) {
      const auto k = static_cast<std::size_t>(3 - axes + i);
      const std::int64_t rest = image.size[k] - geometry.spans[k].back().end;
      crop.push_back(rest * stride[static_cast<std::size_t>(i)]);
      any = any || rest > 0;
    }
    return any ? crop : Ints{};
  }

  const Graph& graph_;
  Readers readers_;
  std::vector<std::optional<Ints>> crops_;  // by node; nothing: copied as it is
};

}  // namespace

Graph fuse_pool_stages(const Graph& graph) {
  const Graph merged = merge_masks(graph);
  const Graph fused = StageFuser(merged).run();
  return Cropper(fused).run();
}

}  // namespace nacre
