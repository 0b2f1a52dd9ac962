#include "nacre/loss/targets.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"

namespace nacre {
namespace {

[[noreturn]] void fail(const char* who, const Operand& prediction, const Tensor& target,
                       const char* what, const char* hint) {
  const std::string inputs = "prediction " + to_string(prediction.tensor().spec()) + ", target " +
                             to_string(target.spec());
  throw ShapeError(format_error(
      {.op = who, .what = what, .inputs = inputs, .location = prediction.at(), .hint = hint}));
}

}  // namespace

Tensor like_prediction(const char* who, const Operand& prediction, const Tensor& target) {
  const Tensor p = prediction.tensor();
  Tensor t = target;
  if (!(t.shape() == p.shape())) {
    // [batch] and [batch, 1] mean the same; anything else would broadcast silently.
    const bool same_but_for_ones = t.elements() == p.elements() && t.rank() != p.rank() &&
                                   (t.rank() == 0 || p.rank() == 0 || t.size(0) == p.size(0));
    if (!same_but_for_ones) {
      fail(who, prediction, target, "predictions and targets have different shapes",
           "give targets the shape of the predictions; for class numbers use "
           "sparse_categorical_crossentropy");
    }
    t = t.reshape(p.shape());
  }
  return t.dtype() == p.dtype() ? t : t.to(p.dtype());
}

Tensor probabilities_like(const char* who, const Operand& prediction, const Tensor& target) {
  const Tensor t = like_prediction(who, prediction, target);
  if (target.dtype() == boolean) return t;
  return expect_elements({t, prediction.at()},
                         {.who = who,
                          .what = "a probability from 0 to 1",
                          .hint = "class numbers go with sparse_categorical_crossentropy",
                          .low = 0,
                          .high = 1,
                          .slack = 0.01});
}

Tensor class_numbers(const char* who, const Operand& prediction, const Tensor& target,
                     std::int64_t ignore) {
  const Tensor p = prediction.tensor();
  if (p.rank() < 1) fail(who, prediction, target, "predictions need a last axis of classes", "");
  Shape wanted;
  for (int i = 0; i + 1 < p.rank(); ++i) wanted.push_back(p.size(i));
  Tensor t = target;
  if (!(t.shape() == wanted)) {
    if (t.elements() != wanted.elements() || t.rank() != p.rank() || t.size(-1) != 1) {
      fail(who, prediction, target, "targets must be one class number for each row of predictions",
           "targets that are one-hot go with categorical_crossentropy");
    }
    t = t.reshape(wanted);
  }
  if (is_floating(t.dtype())) {
    Expectation expected = expected_classes(who, p.size(-1));
    expected.but_for = ignore;
    t = expect_elements({t, prediction.at()}, expected);
  }
  return t.dtype() == i64 ? t : t.to(i64);
}

Tensor one_hot_rows(const Tensor& numbers, std::int64_t classes, DType dtype) {
  const Tensor whole = is_integral(numbers.dtype()) ? numbers : numbers.to(i64);
  const OneHotOptions options{.dtype = dtype, .negative = false};
  if (whole.dtype() == u8) return one_hot(whole, classes, options);
  const Tensor counts = not_equal(whole, kIgnoreIndex);
  const Tensor rows = one_hot(where(counts, whole, zeros_like(whole)), classes, options);
  const Tensor kept = expand_dims(counts, {-1});
  return dtype == boolean ? logical_and(rows, kept) : rows * kept.to(dtype);
}

Tensor spread_weights(const Tensor& weights, const Tensor& values, const Location& at) {
  Tensor w = weights.dtype() == values.dtype() ? weights : weights.to(values.dtype());
  int used = w.rank();
  while (used > values.rank() && w.shape()[used - 1] == 1) --used;
  bool fits = used <= values.rank();
  for (int i = 0; fits && i < used; ++i) {
    fits = w.shape()[i] == values.shape()[i] || (i > 0 && w.shape()[i] == 1);
  }
  if (!fits) {
    throw ShapeError(format_error({.op = "weights",
                                   .what = "weights " + to_string(weights.spec()) +
                                           " do not fit losses " + to_string(values.spec()),
                                   .location = at,
                                   .hint = "give one weight a sample, or one for each position"}));
  }
  Shape shape;
  for (int i = 0; i < values.rank(); ++i) shape.push_back(i < used ? w.shape()[i] : 1);
  return w.shape() == shape ? w : w.reshape(shape);
}

}  // namespace nacre
