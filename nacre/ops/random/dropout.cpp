// dropout {rate, noise_shape}: x, key.
#include "nacre/ops/random/dropout.h"

#include <fmt/format.h>

#include <cmath>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/random/random.h"
#include "nacre/ops/random/random_draw.h"

namespace nacre {

Tensor dropout(const Operand& x, double rate, const Operand& key,
               const std::vector<std::int64_t>& noise_shape) {
  const Tensor t = as_dtype(x, is_floating(x.dtype()) ? x.dtype() : f32);
  return emit_one(Op::dropout, {{"rate", rate}, {"noise_shape", noise_shape}}, {t, key.tensor()},
                  x.at());
}

Tensor alpha_dropout(const Operand& x, double rate, const Operand& key) {
  if (!(rate >= 0 && rate < 1)) {
    throw ValueError(format_error({.op = "alpha_dropout",
                                   .what = fmt::format("rate {} is outside [0, 1)", rate),
                                   .inputs = "input " + to_string(x.tensor().spec()),
                                   .layer = layer_path(),
                                   .location = x.at(),
                                   .hint = "rate is the share of elements that are dropped"}));
  }
  constexpr double limit = -1.6732632423543772848 * 1.0507009873554804934;
  const double scale = 1 / std::sqrt((1 - rate) * (1 + rate * limit * limit));
  const Tensor t = as_dtype(x, is_floating(x.dtype()) ? x.dtype() : f32);
  const Tensor keep = random_bernoulli({key.tensor(), x.at()}, t.shape(), 1 - rate, boolean);
  return where({keep, x.at()}, t, limit) * scale - scale * rate * limit;
}

namespace op_defs {
namespace {

// noise_shape with x's sizes in place of -1.
Shape mask_shape(const Attrs& attrs, const Shape& x) {
  const std::vector<std::int64_t>& dims = attrs.integers("noise_shape");
  Shape mask = x;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != -1) mask.set(static_cast<int>(i), dims[i]);
  }
  return mask;
}

SpecList infer_dropout(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_floating(0);
  expect_key(c, 1);
  const double rate = c.attrs.number("rate");
  if (!(rate >= 0 && rate <= 1)) {
    c.fail_value(fmt::format("rate {} is outside [0, 1]", rate),
                 "rate is the share of elements that become 0");
  }
  const std::vector<std::int64_t>& dims = c.attrs.integers("noise_shape");
  const Shape& x = c.inputs[0].shape;
  bool fits = dims.empty() || dims.size() == static_cast<std::size_t>(x.rank());
  for (std::size_t i = 0; fits && i < dims.size(); ++i) {
    fits = dims[i] == 1 || dims[i] == -1 || dims[i] == x[static_cast<int>(i)];
  }
  if (!fits) {
    c.fail_shape(
        fmt::format("noise_shape [{}] does not fit {}", fmt::join(dims, ","), to_string(x)),
        "give each axis of the input, as 1 (one decision for all) or -1 (one for each)");
  }
  return {c.inputs[0]};
}

// Element i of the mask is kept when its word is not below rate * 2^32.
void dropout_reference(const ReferenceContext& c) {
  const double rate = c.attrs.number("rate");
  const double scale = 1 / (1 - rate);
  const auto threshold = static_cast<std::uint64_t>(rate * 0x1p32);
  Draw draw(c.in[1]);
  std::vector<double> x = c.load(0);
  BroadcastWalk mask(mask_shape(c.attrs, c.in_shape()), c.in_shape());
  for (double& v : x) {
    v = draw.word(static_cast<std::uint64_t>(mask.offset())) >= threshold ? v * scale : 0;
    mask.next();
  }
  c.store(0, x);
}

}  // namespace

const OpDef dropout = {
    .name = "dropout",
    .infer = infer_dropout,
    .vjp = [](G c) -> L {
      return {emit_one(Op::dropout, c.attrs, {c.ct(), c.in(1)}, {}), Tensor()};
    },
    .reference = dropout_reference,
    .onnx = "Dropout",
    .samples = []() -> std::vector<Sample> {
      const auto sample = [](DType d, Shape shape, double rate, std::vector<std::int64_t> noise) {
        return Sample{.inputs = {{{d, shape}}, sample_key()},
                      .attrs = {{"rate", rate}, {"noise_shape", noise}}};
      };
      return {sample(f32, {3, 7}, 0.5, {}),
              sample(f32, {1031}, 0.1, {}),
              sample(f64, {2, 3, 5}, 0.3, {2, 3, 1}),
              sample(f32, {2, 5, 3, 3}, 0.5, {-1, -1, 1, 1}),
              sample(f16, {33}, 0.25, {}),
              sample(f32, {9}, 0, {}),
              sample(f32, {9}, 1, {})};
    },
};

}  // namespace op_defs
}  // namespace nacre
