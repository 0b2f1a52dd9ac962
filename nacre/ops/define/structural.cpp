#include "nacre/ops/define/structural.h"

#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"

namespace nacre {

Tensor full_beside(const Operand& like, const Spec& spec, const Number& value) {
  const Tensor t = like.tensor();
  const Number number = fitted(value, spec.dtype, "full_like", like.at());
  if (!t.is_traced()) return full(spec.shape, number, spec.dtype);
  return append_node(
      t.trace_handle(), Op::fill,
      {{"dtype", spec.dtype}, {"shape", spec.shape.to_vector()}, {"value", to_attr(number)}}, {},
      like.at())[0];
}

Tensor full_like(const Operand& like, const Number& value) {
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
          const Tensor filled = full(c.out_shape(), c.attrs.exact("value"), c.out_specs[0].dtype);
          if (const std::size_t n = c.out_specs[0].bytes()) {
            std::memcpy(c.out[0], filled.raw_data(), n);
          }
        },
    .onnx = "ConstantOfShape",
    .samples = []() -> std::vector<Sample> {
      return {
          {.inputs = {},
           .attrs = {{"dtype", f32}, {"shape", std::vector<std::int64_t>{3, 5}}, {"value", 1.5}}},
          {.inputs = {},
           .attrs = {{"dtype", i64},
                     {"shape", std::vector<std::int64_t>{7}},
                     {"value", (std::int64_t{1} << 53) + 1}}}};
    },
};

}  // namespace op_defs
}  // namespace nacre
