#include "nacre/passes/rewrite.h"

#include "nacre/ops/define/emit.h"

namespace nacre {

Rewrite::Rewrite(GraphRewriter& to, NodeId old)
    : to_(to),
      node_(to.from().node(old)),
      origin_(to.from().origin(node_)),
      inputs_(to.mapped_inputs(old)) {
  if (node_.output_count > 0) out_ = to.from().spec(to.from().output(old));
}

ValueId Rewrite::add(Op op, const Attrs& attrs, std::initializer_list<ValueId> inputs) {
  return to_.add(op, attrs, {inputs.begin(), inputs.size()}, origin_);
}
ValueId Rewrite::add(Op op, const Attrs& attrs, std::span<const ValueId> inputs) {
  return to_.add(op, attrs, inputs, origin_);
}

ValueId Rewrite::constant(const Tensor& value) {
  return add(Op::constant,
             {{"value", PayloadPtr(std::make_shared<Constant>(value.spec(), value.buffer()))}}, {});
}

ValueId Rewrite::uniform_of(const Spec& spec, const Number& value) {
  if (spec.shape.rank() == 0) return constant(Tensor::scalar(value, spec.dtype));
  return add(Op::fill,
             {{"dtype", spec.dtype},
              {"shape", spec.shape.to_vector()},
              {"value", to_attr(fitted(value, spec.dtype))}},
             {});
}

ValueId Rewrite::broadcast(ValueId v, const Shape& shape) {
  if (spec(v).shape == shape) return v;
  return add(Op::broadcast_to, {{"shape", shape.to_vector()}}, {v});
}

ValueId Rewrite::reshape(ValueId v, const Shape& shape) {
  if (spec(v).shape == shape) return v;
  return add(Op::reshape, {{"shape", shape.to_vector()}}, {v});
}

}  // namespace nacre
