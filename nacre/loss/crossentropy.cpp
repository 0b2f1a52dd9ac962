// Losses on classes.
#include <fmt/format.h>

#include <cmath>

#include "nacre/loss/loss.h"
#include "nacre/loss/targets.h"
#include "nacre/ops/api.h"

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

// Log-probabilities over the last axis. Probabilities are scaled to a sum of 1 first, as in Keras.
Tensor log_probabilities(const Operand& prediction, bool from_logits) {
  if (from_logits) return log_softmax(prediction);
  const Tensor p = prediction.tensor();
  return log(clip_probability(p / sum(p, {-1}, true)));
}

// log(1 + exp(x)) without overflow.
Tensor softplus_of(const Tensor& x) { return maximum(x, 0) + log(1 + exp(-abs(x))); }

// -t log p - (1 - t) log(1 - p).
Tensor binary_values(const Operand& prediction, const Tensor& target, bool from_logits) {
  const Tensor x = prediction.tensor();
  if (from_logits) return softplus_of(x) - x * target;
  const Tensor p = clip_probability(x);
  return -(target * log(p) + (1 - target) * log(1 - p));
}

// x[:, t, :] of x [batch, time, states], as a product with a unit row.
Tensor tensor_row(const Tensor& x, std::int64_t t, std::int64_t time) {
  std::vector<float> unit(static_cast<std::size_t>(time), 0.0f);
  unit[static_cast<std::size_t>(t)] = 1;
  const Tensor row = Tensor::from(unit, {1, time}).to(x.dtype());
  return squeeze(matmul(row, x), {1});
}

}  // namespace

Loss binary_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("binary_crossentropy", o.label_smoothing);
  return {"binary_crossentropy", [o](const Operand& p, const Tensor& t) {
            Tensor target = like_prediction("binary_crossentropy", p, t);
            if (o.label_smoothing > 0) {
              target = target * (1 - o.label_smoothing) + 0.5 * o.label_smoothing;
            }
            return last_mean(binary_values(p, target, o.from_logits));
          }};
}

Loss categorical_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("categorical_crossentropy", o.label_smoothing);
  return {"categorical_crossentropy", [o](const Operand& p, const Tensor& t) {
            Tensor target = like_prediction("categorical_crossentropy", p, t);
            if (o.label_smoothing > 0) {
              target = target * (1 - o.label_smoothing) +
                       o.label_smoothing / static_cast<double>(target.size(-1));
            }
            return -sum(target * log_probabilities(p, o.from_logits), {-1});
          }};
}

Loss sparse_categorical_crossentropy(const CrossentropyOptions& o) {
  expect_smoothing("sparse_categorical_crossentropy", o.label_smoothing);
  return {"sparse_categorical_crossentropy", [o](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("sparse_categorical_crossentropy", p, t);
            const Tensor logs = log_probabilities(p, o.from_logits);
            Tensor rows = one_hot_rows(numbers, logs.size(-1), logs.dtype());
            if (o.label_smoothing > 0) {
              rows = rows * (1 - o.label_smoothing) +
                     o.label_smoothing / static_cast<double>(logs.size(-1));
            }
            return -sum(rows * logs, {-1});
          }};
}

Loss nll() {
  return {"nll", [](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("nll", p, t);
            const Tensor logs = p.tensor();
            return -sum(one_hot_rows(numbers, logs.size(-1), logs.dtype()) * logs, {-1});
          }};
}

Loss binary_focal(const FocalOptions& o) {
  return {"binary_focal", [o](const Operand& p, const Tensor& t) {
            const Tensor target = like_prediction("binary_focal", p, t);
            const Tensor entropy = binary_values(p, target, o.from_logits);
            const Tensor q = o.from_logits ? sigmoid(p) : clip_probability(p.tensor());
            const Tensor right = target * q + (1 - target) * (1 - q);
            Tensor values = pow(maximum(1 - right, 0), o.gamma) * entropy;
            if (o.alpha >= 0) {
              values = (target * o.alpha + (1 - target) * (1 - o.alpha)) * values;
            }
            return last_mean(values);
          }};
}

Loss sparse_categorical_focal(const FocalOptions& o) {
  return {"sparse_categorical_focal", [o](const Operand& p, const Tensor& t) {
            const Tensor numbers = class_numbers("sparse_categorical_focal", p, t);
            const Tensor logs = log_probabilities(p, o.from_logits);
            const Tensor rows = one_hot_rows(numbers, logs.size(-1), logs.dtype());
            const Tensor log_right = sum(rows * logs, {-1});
            const Tensor values = -pow(maximum(1 - exp(log_right), 0), o.gamma) * log_right;
            return o.alpha >= 0 ? o.alpha * values : values;
          }};
}

Loss ctc(std::int64_t blank) {
  return {
      "ctc", [blank](const Operand& prediction, const Tensor& target) {
        const Tensor logits = prediction.tensor();
        if (logits.rank() != 3 || target.rank() != 2 || target.size(0) != logits.size(0) ||
            blank < 0 || blank >= logits.size(2)) {
          throw ShapeError(
              format_error({.op = "ctc",
                            .what = "predictions must be logits [batch, time, classes], targets "
                                    "[batch, length] padded with -1, and blank a class",
                            .inputs = "prediction " + to_string(logits.spec()) + ", target " +
                                      to_string(target.spec()),
                            .location = prediction.at()}));
        }
        const DType dtype = logits.dtype();
        const std::int64_t batch = logits.size(0);
        const std::int64_t time = logits.size(1);
        const std::int64_t classes = logits.size(2);
        const std::int64_t length = target.size(1);
        const std::int64_t states = 2 * length + 1;  // blanks around each label
        const Tensor labels = target.to(i64);
        const Tensor valid = greater_equal(labels, 0).to(dtype);
        const Tensor count = sum(valid, {1});
        // Labels spread to the odd states by a constant [length, states] matrix of ones.
        std::vector<float> spread(static_cast<std::size_t>(length * states), 0.0f);
        std::vector<float> next(static_cast<std::size_t>(states * states), 0.0f);
        std::vector<float> skip(static_cast<std::size_t>(states * states), 0.0f);
        for (std::int64_t i = 0; i < length; ++i) {
          spread[static_cast<std::size_t>(i * states + 2 * i + 1)] = 1;
        }
        for (std::int64_t s = 1; s < states; ++s) {
          next[static_cast<std::size_t>((s - 1) * states + s)] = 1;
          if (s >= 2) skip[static_cast<std::size_t>((s - 2) * states + s)] = 1;
        }
        const Tensor to_states = Tensor::from(spread, {length, states}).to(dtype);
        const Tensor from_left = Tensor::from(next, {states, states}).to(dtype);
        const Tensor from_second = Tensor::from(skip, {states, states}).to(dtype);
        const Tensor is_label = matmul(ones({1, length}, dtype), to_states);
        const Tensor state_class = matmul((maximum(labels, 0)).to(dtype), to_states) +
                                   (1 - is_label) * static_cast<double>(blank);
        // Log-probabilities of each state's class at each time: [batch, time, states].
        const Tensor pick = equal(expand_dims(state_class, {1}),
                                  reshape(arange(classes, i64), Shape{classes, 1}).to(dtype))
                                .to(dtype);
        const Tensor emitted = matmul(log_softmax(prediction), pick);
        // A state may be entered from two before when both are labels and differ.
        const Tensor two_before = matmul(state_class, from_second);
        const Tensor may_skip =
            is_label * not_equal(state_class, two_before).to(dtype) * matmul(is_label, from_second);
        // Steps run in scaled probabilities: alpha sums to 1 and the logs of the scales add up.
        const Tensor position = reshape(arange(states, i64), Shape{1, states}).to(dtype);
        const Tensor first = less(position, 2).to(dtype);
        const Tensor usable = less_equal(position, expand_dims(2 * count, {1})).to(dtype);
        Tensor alpha;
        Tensor log_scale;
        for (std::int64_t t = 0; t < time; ++t) {
          const Tensor at_time = tensor_row(emitted, t, time);
          const Tensor top = stop_gradient(max(at_time, {1}, true));
          const Tensor weight = exp(at_time - top) * usable;
          alpha = t == 0
                      ? first * weight
                      : (alpha + matmul(alpha, from_left) + may_skip * matmul(alpha, from_second)) *
                            weight;
          const Tensor total = maximum(sum(alpha, {1}, true), 1e-30);
          alpha = alpha / total;
          const Tensor part = squeeze(top + log(total), {1});
          log_scale = log_scale.defined() ? log_scale + part : part;
        }
        // It ends in the last label or in the blank after it.
        const Tensor last = expand_dims(2 * count, {1});
        const Tensor ends = (equal(position, last).to(dtype) + equal(position, last - 1).to(dtype));
        const Tensor probability = sum(alpha * ends, {1});
        const Tensor values = -(log_scale + log(maximum(probability, 1e-30)));
        return reshape(values / maximum(count, 1), Shape{batch});
      }};
}

}  // namespace nacre::loss
