#include "nacre/loss/targets.h"

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

Tensor class_numbers(const char* who, const Operand& prediction, const Tensor& target) {
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
  return t.dtype() == i64 ? t : t.to(i64);
}

Tensor one_hot_rows(const Tensor& numbers, std::int64_t classes, DType dtype) {
  const Tensor whole = is_integral(numbers.dtype()) ? numbers : numbers.to(i64);
  return one_hot(whole, classes, {.dtype = dtype, .negative = false});
}

Tensor spread_weights(const Tensor& weights, const Tensor& values) {
  Tensor w = weights.dtype() == values.dtype() ? weights : weights.to(values.dtype());
  if (w.rank() < values.rank()) {
    Shape shape = w.shape();
    while (shape.rank() < values.rank()) shape.push_back(1);
    w = w.reshape(shape);
  }
  return w;
}

}  // namespace nacre
