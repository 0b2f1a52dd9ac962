// Losses on classes.
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "nacre/loss/loss.h"
#include "nacre/loss/targets.h"
#include "nacre/ops/api.h"
#include "nacre/run/producer.h"

namespace nacre::loss {
namespace {

// Probabilities are kept this far from 0 and 1, as in Keras.
constexpr double kEpsilon = 1e-7;

void expect_smoothing(const char* who, double share) {
  if (!(share >= 0 && share < 1)) {
    throw ValueError(fmt::format("{}: label_smoothing {} is not in [0, 1)", who, share));
  }
}

Tensor last_mean(const Tensor& x) { return x.rank() < 2 ? x : mean(x, {-1}); }

Tensor clip_probability(const Tensor& p) { return minimum(maximum(p, kEpsilon), 1 - kEpsilon); }

// Predictions, and whether they are logits.
struct Scores {
  Operand value;
  bool are_logits;
};

// Probabilities that are known to be softmax (over the last axis) or sigmoid of something are
// replaced by that: its logarithm does not saturate, and the gradient is one subtraction.
Scores scores_of(const Operand& prediction, bool from_logits, Op activation) {
  if (from_logits || prediction.is_number()) return {prediction, from_logits};
  const Tensor p = prediction.tensor();
  std::optional<Producer> made = producer_of(p);
  while (made && made->op == Op::cast) made = producer_of(made->inputs[0]);  // 16-bit, widened
  if (!made || made->op != activation) return {prediction, false};
  if (activation == Op::softmax) {
    const std::int64_t axis = made->attrs.integer("axis");
    if (axis != -1 && axis != p.rank() - 1) return {prediction, false};
  }
  const Operand logits(made->inputs[0], prediction.at());
  return {Operand(cast(logits, p.dtype()), prediction.at()), true};
}

// Log-probabilities over the last axis. Probabilities are scaled to a sum of 1 first, as in Keras.
Tensor log_probabilities(const Scores& scores) {
  if (scores.are_logits) return log_softmax(scores.value);
  const Tensor p = scores.value.tensor();
  return log(clip_probability(p / sum(p, {-1}, true)));
}

// -t log p - (1 - t) log(1 - p). Of logits each part is exact where it is small, and smooth at 0.
Tensor binary_values(const Operand& prediction, const Tensor& target, bool from_logits) {
  const Scores scores = scores_of(prediction, from_logits, Op::sigmoid);
  const Tensor x = scores.value.tensor();
  if (scores.are_logits) return target * softplus(-x) + (1 - target) * softplus(x);
  const Tensor p = clip_probability(x);
  return -(target * log(p) + (1 - target) * log(1 - p));
}

// (1 - p)^gamma from 1 - p. Where 1 - p is 0, the power has no slope that could be multiplied with
// the entropy, which is 0 there too: the limit of their product's slope is 0, so none is taken.
Tensor focal_factor(const Tensor& rest, double gamma) {
  const double tiny = rest.dtype() == f16 ? 6.2e-5 : 1e-30;
  return pow(maximum(rest, tiny), gamma);
}

}  // namespace

Loss binary_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("binary_crossentropy", o.label_smoothing);
  return {"binary_crossentropy",
          [o](const Operand& p, const Tensor& t) {
            Tensor target = probabilities_like("binary_crossentropy", p, t);
            if (o.label_smoothing > 0) {
              target = target * (1 - o.label_smoothing) + 0.5 * o.label_smoothing;
            }
            return last_mean(binary_values(p, target, o.from_logits));
          },
          Reduction::mean,
          {.from_logits = o.from_logits}};
}

Loss categorical_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("categorical_crossentropy", o.label_smoothing);
  return {"categorical_crossentropy",
          [o](const Operand& p, const Tensor& t) {
            Tensor target = probabilities_like("categorical_crossentropy", p, t);
            if (o.label_smoothing > 0) {
              target = target * (1 - o.label_smoothing) +
                       o.label_smoothing / static_cast<double>(target.size(-1));
            }
            const Scores scores = scores_of(p, o.from_logits, Op::softmax);
            return -sum(target * log_probabilities(scores), {-1});
          },
          Reduction::mean,
          {.from_logits = o.from_logits}};
}

Loss sparse_categorical_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("sparse_categorical_crossentropy", o.label_smoothing);
  return {"sparse_categorical_crossentropy",
          [o](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("sparse_categorical_crossentropy", p, t);
            const Scores scores = scores_of(p, o.from_logits, Op::softmax);
            if (scores.are_logits) {
              return softmax_cross_entropy(scores.value, numbers,
                                           {.label_smoothing = o.label_smoothing});
            }
            const Tensor logs = log_probabilities(scores);
            Tensor rows = one_hot_rows(numbers, logs.size(-1), logs.dtype());
            const Tensor counts = sum(rows, {-1}, true);  // 0 for what is ignored
            if (o.label_smoothing > 0) {
              rows = rows * (1 - o.label_smoothing) +
                     o.label_smoothing / static_cast<double>(logs.size(-1));
            }
            return -sum(counts * rows * logs, {-1});
          },
          Reduction::mean,
          {.from_logits = o.from_logits, .ignore_index = kIgnoreIndex}};
}

Loss nll() {
  return {"nll",
          [](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("nll", p, t);
            const Tensor logs = p.tensor();
            return -sum(one_hot_rows(numbers, logs.size(-1), logs.dtype()) * logs, {-1});
          },
          Reduction::mean,
          {.from_logits = true, .ignore_index = kIgnoreIndex}};
}

Loss binary_focal(const FocalOptions& o) {
  return {"binary_focal",
          [o](const Operand& p, const Tensor& t) {
            const Tensor target = probabilities_like("binary_focal", p, t);
            const Tensor entropy = binary_values(p, target, o.from_logits);
            const Tensor q = o.from_logits ? sigmoid(p) : clip_probability(p.tensor());
            const Tensor right = target * q + (1 - target) * (1 - q);
            Tensor values = focal_factor(1 - right, o.gamma) * entropy;
            const double alpha = o.alpha.value_or(0.25);
            if (alpha >= 0) values = (target * alpha + (1 - target) * (1 - alpha)) * values;
            return last_mean(values);
          },
          Reduction::mean,
          {.from_logits = o.from_logits}};
}

Loss sparse_categorical_focal(const FocalOptions& o) {
  return {"sparse_categorical_focal",
          [o](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("sparse_categorical_focal", p, t);
            const Tensor logs = log_probabilities(scores_of(p, o.from_logits, Op::softmax));
            const Tensor rows = one_hot_rows(numbers, logs.size(-1), logs.dtype());
            const Tensor log_right = sum(rows * logs, {-1});
            const Tensor values = -focal_factor(-expm1(log_right), o.gamma) * log_right;
            const double alpha = o.alpha.value_or(-1);
            return alpha >= 0 ? alpha * values : values;
          },
          Reduction::mean,
          {.from_logits = o.from_logits, .ignore_index = kIgnoreIndex}};
}

}  // namespace nacre::loss
