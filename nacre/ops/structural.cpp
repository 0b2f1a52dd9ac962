#include "nacre/ops/structural.h"

#include "nacre/ops/op_defs.h"

namespace nacre {

Tensor full_beside(const Operand& like, const Spec& spec, double value) {
  const Tensor t = like.tensor();
  if (!t.is_traced()) return full(spec.shape, value, spec.dtype);
  return append_node(t.trace(), Op::fill,
                     {{"dtype", spec.dtype}, {"shape", spec.shape.to_vector()}, {"value", value}},
                     {}, like.at())[0];
}

Tensor full_like(const Operand& like, double value) {
  return full_beside(like, like.tensor().spec(), value);
}

namespace op_defs {
namespace {

SpecList infer_stated(const InferContext& c) {
  return {Spec{c.attrs.dtype("dtype"), Shape(c.attrs.integers("shape"))}};
}

}  // namespace

// An argument of the graph: {dtype, shape}.
const OpDef input = {
    .name = "input",
    .infer = infer_stated,
    .gradient = Gradient::zero,
    .samples = [] { return std::vector<Sample>(); },
};

// A tensor known when the graph is built: {value}.
const OpDef constant = {
    .name = "constant",
    .infer = [](const InferContext& c) -> SpecList {
      return {static_cast<const Constant&>(c.attrs.payload("value")).spec()};
    },
    .gradient = Gradient::zero,
    .onnx = "Constant",
    .samples = [] { return std::vector<Sample>(); },
};

// One value everywhere: {dtype, shape, value}.
const OpDef fill = {
    .name = "fill",
    .infer = infer_stated,
    .gradient = Gradient::zero,
    .reference =
        [](const ReferenceContext& c) {
          c.store(0, std::vector<double>(static_cast<std::size_t>(c.out_shape().elements()),
                                         c.attrs.number("value")));
        },
    .onnx = "ConstantOfShape",
    .samples = []() -> std::vector<Sample> {
      return {
          {.inputs = {},
           .attrs = {{"dtype", f32}, {"shape", std::vector<std::int64_t>{3, 5}}, {"value", 1.5}}}};
    },
};

}  // namespace op_defs
}  // namespace nacre
