// Random choices: random_bernoulli {dtype, shape}: key, probability; random_permutation {count};
// random_categorical {samples}: key, logits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nacre/base/layer_scope.h"
#include "nacre/ops/define/emit.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/random/random.h"
#include "nacre/ops/random/random_draw.h"
#include "nacre/ops/reduce/softmax.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {

Tensor random_bernoulli(const Operand& key, const Shape& shape, const Operand& probability,
                        DType dtype) {
  if (probability.is_number() && !(probability.number() >= 0 && probability.number() <= 1)) {
    throw ValueError(
        format_error({.op = "random_bernoulli",
                      .what = fmt::format("probability {} is outside [0, 1]", probability.number()),
                      .inputs = "key " + to_string(key.tensor().spec()),
                      .layer = layer_path(),
                      .location = key.at(),
                      .hint = "for odds in logits take sigmoid(logits) first"}));
  }
  const bool floating = !probability.is_number() && is_floating(probability.dtype());
  return emit_one(Op::random_bernoulli, {{"dtype", dtype}, {"shape", shape.to_vector()}},
                  {key.tensor(), as_dtype(probability, floating ? probability.dtype() : f64)},
                  key.at());
}

Tensor random_permutation(const Operand& key, std::int64_t count) {
  return emit_one(Op::random_permutation, {{"count", count}}, {key.tensor()}, key.at());
}

Tensor random_categorical(const Operand& key, const Operand& logits, std::int64_t samples) {
  const Tensor drawn =
      emit_one(Op::random_categorical, {{"samples", samples == 0 ? 1 : samples}},
               {key.tensor(), as_dtype(logits, is_floating(logits.dtype()) ? logits.dtype() : f32)},
               key.at());
  return samples == 0 ? squeeze({drawn, key.at()}, {-1}) : drawn;
}

Tensor gumbel_softmax(const Operand& key, const Operand& logits, double temperature, bool hard) {
  const Tensor x = as_dtype(logits, is_floating(logits.dtype()) ? logits.dtype() : f32);
  const Tensor noisy = add({x, key.at()}, random_gumbel(key, x.shape(), x.dtype()));
  const Tensor soft = softmax({mul({noisy, key.at()}, 1 / temperature), key.at()}, -1);
  if (!hard) return soft;
  const Tensor best = cast(equal(soft, max(soft, {-1}, true)), x.dtype());
  return stop_gradient(best - soft) + soft;
}

namespace op_defs {
namespace {

void bernoulli_reference(const ReferenceContext& c) {
  Draw draw(c.in[0]);
  const std::vector<double> p = c.load(1);
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
  BroadcastWalk walk(c.in_shape(1), c.out_shape());
  for (std::size_t i = 0; i < out.size(); ++i, walk.next()) {
    out[i] = draw.word(i) < p[static_cast<std::size_t>(walk.offset())] * 0x1p32 ? 1 : 0;
  }
  c.store(0, out);
}

__extension__ typedef unsigned __int128 Wide;

// Fisher and Yates' shuffle from the back.
void permutation_reference(const ReferenceContext& c) {
  Draw draw(c.in[0]);
  std::vector<std::int64_t> order(static_cast<std::size_t>(c.out_shape().elements()));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t left = order.size(); left > 1; --left) {
    const auto k =
        static_cast<std::size_t>((static_cast<Wide>(draw.wide(order.size() - left)) * left) >> 64);
    std::swap(order[left - 1], order[k]);
  }
  store_integers(c, 0, order);
}

// Walks up the cumulated probabilities until a uniform number is passed.
void categorical_reference(const ReferenceContext& c) {
  Draw draw(c.in[0]);
  const std::vector<double> logits = c.load(1);
  const auto classes = static_cast<std::size_t>(c.in_shape(1).at_back(-1));
  const auto samples = static_cast<std::size_t>(c.attrs.integer("samples"));
  std::vector<std::int64_t> out(static_cast<std::size_t>(c.out_shape().elements()));
  std::vector<double> cumulated(classes);
  for (std::size_t row = 0; row * samples < out.size(); ++row) {
    const double* x = logits.data() + row * classes;
    const double top = *std::max_element(x, x + classes);
    double total = 0;
    for (std::size_t k = 0; k < classes; ++k) cumulated[k] = total += std::exp(x[k] - top);
    for (std::size_t s = 0; s < samples; ++s) {
      const std::size_t i = row * samples + s;
      const double mark = draw.open_wide(i) * total;
      const auto found = std::upper_bound(cumulated.begin(), cumulated.end(), mark);
      out[i] =
          std::min<std::int64_t>(found - cumulated.begin(), static_cast<std::int64_t>(classes) - 1);
    }
  }
  store_integers(c, 0, out);
}

SpecList infer_categorical(const InferContext& c) {
  c.expect_inputs(2);
  expect_key(c, 0);
  c.expect_floating(1);
  const Shape& logits = c.inputs[1].shape;
  const std::int64_t samples = c.attrs.integer("samples");
  if (logits.rank() == 0 || logits.at_back(-1) == 0) {
    c.fail_shape("the logits have no classes along their last axis",
                 "give at least one logit a row: [batch, classes]");
  }
  if (samples < 1) {
    c.fail_value(fmt::format("{} samples asked for", samples), "ask for at least 1");
  }
  Shape out = logits;
  out.set(out.rank() - 1, samples);
  return {{i64, out}};
}

}  // namespace

const OpDef random_bernoulli = {
    .name = "random_bernoulli",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(2);
      expect_key(c, 0);
      c.expect_floating(1);
      const Spec out = stated_spec(c);
      Shape both;
      if (!broadcast_shapes(c.inputs[1].shape, out.shape, both) || !(both == out.shape)) {
        c.fail_shape(fmt::format("probabilities {} do not broadcast to {}",
                                 to_string(c.inputs[1].shape), to_string(out.shape)),
                     "ask for the shape of the probabilities, or a larger one");
      }
      return {out};
    },
    .gradient = Gradient::zero,
    .gradient_hint = kRandomHint,
    .reference = bernoulli_reference,
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](DType d, std::vector<std::int64_t> shape) {
        return Attrs{{"dtype", d}, {"shape", shape}};
      };
      return {{.inputs = {sample_key(), {{f32, {}}, 0, 1}}, .attrs = attrs(f32, {3, 7})},
              {.inputs = {sample_key(), {{f32, {7}}, 0, 1}}, .attrs = attrs(f32, {3, 7})},
              {.inputs = {sample_key(), {{f64, {131}}, 0, 1}}, .attrs = attrs(boolean, {131})},
              {.inputs = {sample_key(), {{f32, {5, 1}}, 0, 1}}, .attrs = attrs(u8, {2, 5, 3})}};
    },
};

const OpDef random_permutation = {
    .name = "random_permutation",
    .infer = [](const InferContext& c) -> SpecList {
      c.expect_inputs(1);
      expect_key(c, 0);
      const std::int64_t count = c.attrs.integer("count");
      if (count < 0) c.fail_value(fmt::format("count {} is negative", count));
      return {{i64, Shape{count}}};
    },
    .gradient = Gradient::zero,
    .gradient_hint = kRandomHint,
    .reference = permutation_reference,
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {sample_key()}, .attrs = {{"count", 0}}},
              {.inputs = {sample_key()}, .attrs = {{"count", 1}}},
              {.inputs = {sample_key()}, .attrs = {{"count", 131}}}};
    },
};

const OpDef random_categorical = {
    .name = "random_categorical",
    .infer = infer_categorical,
    .gradient = Gradient::zero,
    .gradient_hint =
        "a choice has no gradient; use gumbel_softmax, or the log-probability of what "
        "was drawn",
    .reference = categorical_reference,
    .samples = []() -> std::vector<Sample> {
      return {{.inputs = {sample_key(), {{f32, {5}}}}, .attrs = {{"samples", 7}}},
              {.inputs = {sample_key(), {{f64, {3, 4}}}}, .attrs = {{"samples", 1}}},
              {.inputs = {sample_key(), {{f32, {2, 3, 9}}}}, .attrs = {{"samples", 5}}}};
    },
};

}  // namespace op_defs
}  // namespace nacre
