// Connectionist temporal classification by its forward recursion, built from ordinary ops so that
// its gradient follows. The states of a sequence are its labels with blanks around each.
#include "nacre/loss/loss.h"
#include "nacre/ops/api.h"

namespace nacre::loss {
namespace {

// Scores of states that cannot occur.
constexpr double kImpossible = -1e30;

// A [rows, columns] matrix with ones where at(row, column) holds.
template <class F>
Tensor pattern(std::int64_t rows, std::int64_t columns, DType dtype, F at) {
  std::vector<float> values;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) values.push_back(at(r, c) ? 1.0f : 0.0f);
  }
  return Tensor::from(values, {rows, columns}).to(dtype);
}

void check(const Operand& prediction, const Tensor& target, std::int64_t blank) {
  const Tensor logits = prediction.tensor();
  if (logits.rank() == 3 && target.rank() == 2 && target.size(0) == logits.size(0) && blank >= 0 &&
      blank < logits.size(2)) {
    return;
  }
  throw ShapeError(format_error(
      {.op = "ctc",
       .what = "predictions must be logits [batch, time, classes], targets [batch, length] padded "
               "with -1, and blank a class",
       .inputs = "prediction " + to_string(logits.spec()) + ", target " + to_string(target.spec()),
       .location = prediction.at()}));
}

Tensor ctc_values(const Operand& prediction, const Tensor& target, std::int64_t blank) {
  check(prediction, target, blank);
  const Tensor logits = prediction.tensor();
  const DType dtype = logits.dtype();
  const std::int64_t time = logits.size(1);
  const std::int64_t classes = logits.size(2);
  const std::int64_t length = target.size(1);
  const std::int64_t states = 2 * length + 1;
  const Tensor labels = target.to(i64);
  const Tensor count = sum(greater_equal(labels, 0).to(dtype), {1}, true);  // [batch, 1]

  // Label i sits in state 2 i + 1; shifts move a row of states right by one and by two.
  const Tensor to_states =
      pattern(length, states, dtype, [](auto r, auto c) { return c == 2 * r + 1; });
  const Tensor by_one = pattern(states, states, dtype, [](auto r, auto c) { return c == r + 1; });
  const Tensor by_two = pattern(states, states, dtype, [](auto r, auto c) { return c == r + 2; });
  const Tensor is_label = pattern(1, states, dtype, [](auto, auto c) { return c % 2 == 1; });
  const Tensor class_of = matmul(maximum(labels, 0).to(dtype), to_states) +
                          (1 - is_label) * static_cast<double>(blank);  // [batch, states]
  // A state may be entered from two before when both are labels and differ.
  const Tensor may_skip =
      is_label * matmul(is_label, by_two) * not_equal(class_of, matmul(class_of, by_two)).to(dtype);

  // Log-probabilities of each state's class: [batch, time, states].
  const Tensor pick =
      equal(expand_dims(class_of, {1}), reshape(arange(classes, i64), Shape{classes, 1}).to(dtype))
          .to(dtype);
  const Tensor position = reshape(arange(states, i64), Shape{1, states}).to(dtype);
  const Tensor usable = less_equal(position, 2 * count);
  const Tensor emitted =
      where(expand_dims(usable, {1}), matmul(log_softmax(prediction), pick), kImpossible);
  // Probabilities are scaled to a sum of 1 at each time; the logs of the scales add up.
  Tensor alpha;
  Tensor log_scale;
  for (std::int64_t t = 0; t < time; ++t) {
    const Tensor unit = pattern(1, time, dtype, [t](auto, auto c) { return c == t; });
    const Tensor now = squeeze(matmul(unit, emitted), {1});
    const Tensor top = stop_gradient(max(now, {1}, true));
    const Tensor weight = exp(now - top);
    const Tensor entered = t == 0
                               ? less(position, 2).to(dtype)
                               : alpha + matmul(alpha, by_one) + may_skip * matmul(alpha, by_two);
    alpha = entered * weight;
    const Tensor total = maximum(sum(alpha, {1}, true), 1e-37);
    alpha = alpha / total;
    const Tensor part = top + log(total);
    log_scale = t == 0 ? part : log_scale + part;
  }
  // It ends in the last label or in the blank after it.
  const Tensor ends =
      (equal(position, 2 * count).to(dtype) + equal(position, 2 * count - 1).to(dtype));
  const Tensor probability = maximum(sum(alpha * ends, {1}, true), 1e-37);
  return squeeze(-(log_scale + log(probability)) / maximum(count, 1), {1});
}

}  // namespace

Loss ctc(std::int64_t blank) {
  return {"ctc", [blank](const Operand& prediction, const Tensor& target) {
            return ctc_values(prediction, target, blank);
          }};
}

}  // namespace nacre::loss
