// one_hot {depth, axis, dtype, negative}.
#include "nacre/ops/index/one_hot.h"

#include <fmt/format.h>

#include <cstring>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/index/indexed.h"

namespace nacre {

Tensor one_hot(const Operand& indices, std::int64_t classes, const OneHotOptions& options) {
  const Attrs attrs = {{"depth", classes}, {"axis", options.axis}, {"dtype", options.dtype}};
  return emit_one(Op::one_hot, options.negative ? attrs.with("negative", true) : attrs,
                  {indices.tensor(i64)}, indices.at());
}

namespace op_defs {
namespace {

SpecList infer_one_hot(const InferContext& c) {
  c.expect_inputs(1);
  const Spec& in = c.inputs[0];
  if (!is_integral(in.dtype)) {
    c.fail_dtype(fmt::format("integers expected, {} given", name_of(in.dtype)),
                 "convert them with x.to(nacre::i64)");
  }
  const std::int64_t depth = c.attrs.integer("depth");
  if (depth < 0) c.fail_value(fmt::format("{} classes", depth));
  const int axis = c.axis(c.attrs.integer("axis"), in.shape.rank() + 1);
  Shape out;
  for (int i = 0; i <= in.shape.rank(); ++i) {
    out.push_back(i < axis ? in.shape[i] : i == axis ? depth : in.shape[i - 1]);
  }
  return {{c.attrs.dtype("dtype"), out}};
}

void reference_one_hot(const ReferenceContext& c) {
  const AxisView view(c.out_shape(), c.attrs.integer("axis"));
  const IndexArray index(c.in[0], c.in_specs[0].dtype);
  const bool negative = c.attrs.flag_or("negative", false);
  visit_dtype(c.out_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = static_cast<T*>(c.out[0]);
    std::fill_n(out, c.out_shape().elements(), T());
    const std::int64_t n = view.length;
    for (std::int64_t i = 0; i < c.in_shape().elements(); ++i) {
      const std::int64_t value = index[i];
      if (value < (negative ? -n : 0) || value >= n) {
        fail_class("one_hot", value, c.in_shape(), i, n, negative);
      }
      const std::int64_t place = value < 0 ? value + n : value;
      out[(i / view.inner * n + place) * view.inner + i % view.inner] = static_cast<T>(1.0f);
    }
  });
}

}  // namespace

const OpDef one_hot = {
    .name = "one_hot",
    .infer = infer_one_hot,
    .gradient = Gradient::zero,
    .gradient_hint = "class numbers have no gradient; train on scores and use softmax",
    .reference = reference_one_hot,
    .onnx = "OneHot",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](Spec in, int depth, int axis, DType dtype) {
        return Sample{.inputs = {{in, 0, static_cast<double>(depth), Fill::integers}},
                      .attrs = {{"depth", depth}, {"axis", axis}, {"dtype", dtype}}};
      };
      Sample counted = sample({i64, {9}}, 6, -1, f32);
      counted.attrs = counted.attrs.with("negative", true);
      return {counted, sample({i64, {7}}, 5, -1, f32), sample({i32, {3, 5}}, 4, 0, f64),
              sample({u8, {2, 3}}, 9, 1, boolean), sample({i64, {}}, 3, 0, i32)};
    },
};

}  // namespace op_defs
}  // namespace nacre
