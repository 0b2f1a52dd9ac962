// The passes from a traced graph to the one that is planned: functions Graph -> Graph, each
// verified. None of them changes what is computed by more than the sign of a zero and the order in
// which a fast kernel adds.
#pragma once

#include <functional>
#include <string_view>

#include "nacre/graph/graph.h"
#include "nacre/kernels/backend.h"

namespace nacre {

using PassFn = Graph (*)(const Graph&);
struct Pass {
  std::string_view name;
  PassFn run;
};

// All passes in their order: those that every backend shares, then what the current one wants
// (Backend::lower). Throws InternalError for a name of its list that is none below.
std::vector<Pass> default_passes(const PassOptions& options = {});
// Runs them, then on the graphs that nodes hold; `watch` (may be empty) sees the graph after each.
Graph run_passes(const Graph& graph, std::span<const Pass> passes,
                 const std::function<void(std::string_view, const Graph&)>& watch = {});

// Copies a graph node by node; passes build on it.
class GraphRewriter {
 public:
  explicit GraphRewriter(const Graph& from);

  const Graph& from() const { return from_; }
  Graph& graph() { return to_; }
  const Graph& graph() const { return to_; }
  // The new value that stands for an old one. Throws InternalError when there is none yet.
  ValueId mapped(ValueId old) const;
  bool maps(ValueId old) const { return map_[old] != kNoId; }
  void map(ValueId old, ValueId replacement) { map_[old] = replacement; }
  // Copies an old node with mapped inputs and maps its outputs.
  void copy(NodeId old);
  // The same with other inputs (new values).
  void copy(NodeId old, std::span<const ValueId> inputs);
  // Appends a new node whose outputs are inferred; returns its first output.
  ValueId add(Op op, const Attrs& attrs, std::span<const ValueId> inputs, const Origin& origin);
  // Maps the arguments and results and hands over the graph.
  Graph finish();

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> map_;
};

// Removes nodes whose outputs nobody uses. Arguments stay: they are the graph's signature.
Graph remove_dead_code(const Graph& graph);

// Replaces nodes by simpler ones with the same value: x * 1, x + 0, two transposes in a row,
// `where` with a known condition; broadcasts and fills go into the elementwise ops that read them,
// transposes into the flags of products; small nodes of constants become constants.
Graph simplify(const Graph& graph);

// Loops keep only what is read of them (carries of all steps, results, arguments); what depends on
// no step leaves the body, and products of rows with what depends on no step become one product.
Graph simplify_loops(const Graph& graph);

// Computes equal nodes (op, attributes, inputs) once. Ops are pure (random ones are functions of
// their key); only an optimization barrier keeps its copies apart.
Graph merge_common(const Graph& graph);

// Puts a bias and an activation into the product or convolution before it.
Graph fuse_epilogues(const Graph& graph);

// Around maximum pools. The gradient of a relu before one is applied while the pool's gradient is
// written; a convolution that only such a pool reads computes no outputs that no window covers, and
// neither do its gradients; and a convolution of few channels with its relu and a 2x2 pool is one
// node, and so is the gradient of its weights, where a kernel runs them.
Graph fuse_pool_stages(const Graph& graph);

// Makes regions of elementwise ops over the same shape one fused_elementwise node each, where a
// kernel runs it. Bounds of a region: see fuse.cpp.
Graph fuse_elementwise(const Graph& graph);
// The same whether a kernel runs it or only the reference does; for tests.
Graph fuse_elementwise_always(const Graph& graph);

// Large matmul and linear of f32 take bf16 operands and give f32 again; convolutions of f32 and
// their two gradients round their operands in the kernel, where it has one and the channels are
// many enough to gain. What they read and write stays f32, so the master weights do. Micikevicius
// et al., "Mixed precision training", 2018.
Graph lower_to_bfloat16(const Graph& graph);

}  // namespace nacre
