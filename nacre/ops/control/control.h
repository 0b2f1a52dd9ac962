// The ops that hold graphs: scan, cond, while_loop. Users write them with run/control.h; this page
// is for whoever reads or rewrites their nodes.
#pragma once

#include "nacre/graph/subgraph.h"
#include "nacre/ops/define/op_def.h"

namespace nacre {

// scan: (consts..., init..., xs...) -> (last..., ys..., [carries...]). For t = 0 ... length - 1, or
// down from length - 1 when reversed: (carry, y) = body(consts, carry, xs[t]), ys[t] = y. xs, ys
// and carries have a leading axis of `length`; carries[t] is the carry that step t began with.
struct ScanAttrs {
  PayloadPtr body;
  std::int64_t consts = 0;
  std::int64_t carry = 0;
  std::int64_t length = 0;
  bool reverse = false;
  bool carries = false;

  static ScanAttrs of(const Attrs& attrs);
  Attrs attrs() const;

  const Graph& graph() const { return static_cast<const Subgraph&>(*body).graph(); }
  std::size_t xs() const {
    return graph().arguments().size() - static_cast<std::size_t>(consts + carry);
  }
  std::size_t ys() const { return graph().results().size() - static_cast<std::size_t>(carry); }
};

// cond {then, otherwise}: (predicate bool [], operands...) -> the results of the branch's graph
// over the operands.

// while_loop {cond, body, cond_consts, body_consts}: (cond_consts..., body_consts..., init...) ->
// last...: while cond(cond_consts, carry): carry = body(body_consts, carry).
struct WhileAttrs {
  PayloadPtr cond;
  PayloadPtr body;
  std::int64_t cond_consts = 0;
  std::int64_t body_consts = 0;

  static WhileAttrs of(const Attrs& attrs);
  Attrs attrs() const;

  const Graph& cond_graph() const { return static_cast<const Subgraph&>(*cond).graph(); }
  const Graph& body_graph() const { return static_cast<const Subgraph&>(*body).graph(); }
};

// The spec of a row of x, and of `length` rows.
Spec row_of(const Spec& spec);
Spec rows_of(const Spec& spec, std::int64_t length);

// Runs a graph by the references of its ops. The pointers are to its arguments and results.
void run_by_references(const Graph& graph, std::span<const void* const> arguments,
                       std::span<void* const> results);

// The gradient rules; they trace bodies of their own, so they are defined in
// run/control_gradient.cpp.
TensorList scan_gradient(const VjpContext& c);
TensorList cond_gradient(const VjpContext& c);

}  // namespace nacre
