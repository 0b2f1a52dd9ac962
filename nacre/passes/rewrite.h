// What the rules of `simplify` see: one node whose inputs are already values of the new graph.
#pragma once

#include <initializer_list>
#include <optional>

#include "nacre/graph/rewriter.h"
#include "nacre/ops/define/op_def.h"
#include "nacre/passes/query.h"

namespace nacre {

class Rewrite {
 public:
  Rewrite(GraphRewriter& to, NodeId old);

  Op op() const { return node_.op; }
  const Attrs& attrs() const { return node_.attrs; }
  const Node& node() const { return node_; }
  // The spec of (the first) output.
  const Spec& out() const { return out_; }
  std::size_t count() const { return inputs_.size(); }
  ValueId in(std::size_t i) const { return inputs_[i]; }
  std::span<const ValueId> inputs() const { return inputs_; }
  const Spec& spec(ValueId v) const { return to_.graph().spec(v); }

  // Whether v is made by `op`; and that node (a copy: adding nodes moves the graph's).
  bool made_by(ValueId v, Op op) const { return to_.graph().producer(v).op == op; }
  Node producer(ValueId v) const { return to_.graph().producer(v); }
  // Input i of the node that makes v.
  ValueId input_of(ValueId v, std::size_t i = 0) const {
    return to_.graph().inputs(to_.graph().producer(v))[i];
  }

  // What is known of the elements of v, see passes/query.h.
  std::optional<Number> uniform(ValueId v) const { return uniform_value(to_.graph(), v); }
  bool is(ValueId v, double value) const { return is_uniform(to_.graph(), v, value); }
  std::optional<Tensor> known(ValueId v) const { return known_value(to_.graph(), v); }

  ValueId add(Op op, const Attrs& attrs, std::initializer_list<ValueId> inputs);
  ValueId add(Op op, const Attrs& attrs, std::span<const ValueId> inputs);
  ValueId add(Op op, std::initializer_list<ValueId> inputs) { return add(op, Attrs(), inputs); }
  ValueId constant(const Tensor& value);
  // `value` everywhere: a constant for a scalar, a fill otherwise.
  ValueId uniform_of(const Spec& spec, const Number& value);
  // v, broadcast to the shape where it has another one; v, reshaped.
  ValueId broadcast(ValueId v, const Shape& shape);
  ValueId reshape(ValueId v, const Shape& shape);

 private:
  GraphRewriter& to_;
  Node node_;
  Origin origin_;
  Spec out_;
  InlineVector<ValueId, 8> inputs_;
};

// Each gives the value that replaces the node's only output, or nothing.
using Replacement = std::optional<ValueId>;
Replacement simplify_elementwise(Rewrite& r);  // identities of arithmetic
Replacement shrink_operands(Rewrite& r);       // broadcasts and fills into elementwise operands
Replacement simplify_movement(Rewrite& r);     // reshape, transpose, broadcast_to, views
Replacement simplify_reduction(Rewrite& r);
Replacement simplify_product(Rewrite& r);  // transposes into flags
Replacement fold_constants(Rewrite& r);

}  // namespace nacre
