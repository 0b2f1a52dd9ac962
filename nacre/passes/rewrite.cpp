#include "nacre/passes/rewrite.h"

#include <cstring>

#include "nacre/ops/define/emit.h"

namespace nacre {
namespace {

// Above this, looking whether all elements of a constant are equal costs more than it may save.
constexpr std::int64_t kLookAt = 4096;

std::optional<Number> uniform_value(const Constant& c) {
  const std::int64_t n = c.spec().elements();
  if (n < 1 || n > kLookAt) return {};
  const std::size_t size = size_of(c.spec().dtype);
  const char* data = static_cast<const char*>(c.data().data());
  // All elements equal the one before: the bytes equal themselves, shifted by one element.
  if (n > 1 && std::memcmp(data, data + size, static_cast<std::size_t>(n - 1) * size) != 0) {
    return {};
  }
  return visit_dtype(c.spec().dtype, [&](auto tag) -> std::optional<Number> {
    using T = typename decltype(tag)::type;
    T value;
    std::memcpy(&value, data, sizeof value);
    if constexpr (std::is_integral_v<T>) {
      return value;
    } else {
      return static_cast<double>(value);
    }
  });
}

}  // namespace

Rewrite::Rewrite(GraphRewriter& to, NodeId old)
    : to_(to), node_(to.from().node(old)), origin_(to.from().origin(node_)) {
  if (node_.output_count > 0) out_ = to.from().spec(to.from().output(old));
  for (const ValueId v : to.from().inputs(old)) inputs_.push_back(to.mapped(v));
}

std::optional<Number> Rewrite::uniform(ValueId v) const {
  const Node& maker = to_.graph().producer(v);
  if (maker.op == Op::fill) return maker.attrs.exact("value");
  if (maker.op != Op::constant) return {};
  return uniform_value(static_cast<const Constant&>(maker.attrs.payload("value")));
}

std::optional<Tensor> Rewrite::known(ValueId v) const {
  const Node& maker = to_.graph().producer(v);
  if (maker.op == Op::fill) {
    return full(spec(v).shape, maker.attrs.exact("value"), spec(v).dtype);
  }
  if (maker.op != Op::constant) return {};
  const auto& c = static_cast<const Constant&>(maker.attrs.payload("value"));
  return Tensor(c.spec(), c.data());
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
