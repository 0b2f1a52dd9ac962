#include "nacre/loss/loss.h"

#include "nacre/base/callable.h"
#include "nacre/base/text.h"
#include "nacre/loss/targets.h"
#include "nacre/ops/api.h"

namespace nacre::loss {
namespace {

struct Known {
  std::string_view name;
  Loss (*make)();
};
constexpr Known kKnown[] = {
    {"mse", [] { return mse(); }},
    {"mean_squared_error", [] { return mse(); }},
    {"mae", [] { return mae(); }},
    {"mean_absolute_error", [] { return mae(); }},
    {"huber", [] { return huber(); }},
    {"log_cosh", [] { return log_cosh(); }},
    {"binary_crossentropy", [] { return binary_crossentropy(); }},
    {"categorical_crossentropy", [] { return categorical_crossentropy(); }},
    {"sparse_categorical_crossentropy", [] { return sparse_categorical_crossentropy(); }},
    {"nll", [] { return nll(); }},
    {"kl_divergence", [] { return kl_divergence(); }},
    {"hinge", [] { return hinge(); }},
    {"squared_hinge", [] { return squared_hinge(); }},
    {"categorical_hinge", [] { return categorical_hinge(); }},
    {"cosine_similarity", [] { return cosine_similarity(); }},
    {"binary_focal", [] { return binary_focal(); }},
    {"sparse_categorical_focal", [] { return sparse_categorical_focal(); }},
    {"contrastive", [] { return contrastive(); }},
    {"triplet", [] { return triplet(); }},
    {"ctc", [] { return ctc(); }},
};

}  // namespace

Loss::Loss(const char* name) { *this = named_row("loss", name, kKnown).make(); }

Tensor Loss::operator()(const Operand& prediction, const Operand& target,
                        const Tensor& weights) const {
  const Tensor t = target.tensor(prediction.dtype());
  const Tensor values = this->values(prediction, t);
  return reduce_counted(values, weights_of(values, t, weights, prediction.at()), weights.defined());
}

Tensor Loss::values(const Operand& prediction, const Tensor& target) const {
  require_callable(values_, "loss");
  // As under PyTorch's autocast: sums and logarithms need more digits than 16 bits hold.
  if (is_floating(prediction.dtype()) && size_of(prediction.dtype()) < 4) {
    return values_(Operand(cast(prediction, f32), prediction.at()), target);
  }
  return values_(prediction, target);
}

Loss::Weighed Loss::weighed(const Operand& prediction, const Operand& target,
                            const Tensor& weights) const {
  const Tensor t = target.tensor(prediction.dtype());
  const Tensor values = this->values(prediction, t);
  const Tensor counts = weights_of(values, t, weights, prediction.at());
  const Tensor loss = reduce_counted(values, counts, weights.defined());
  if (counts.defined() && reduction_ == Reduction::mean) {
    return {loss, sum(broadcast_to(counts.to(f64), values.shape()))};
  }
  // A function of the user may have taken the mean itself.
  const Tensor shown = prediction.tensor();
  const std::int64_t samples = shown.rank() > 0 ? shown.size(0) : 1;
  const std::int64_t count = values.rank() > 0 ? values.elements() : samples;
  return {loss, Tensor::scalar(static_cast<double>(count), f64)};
}

Tensor Loss::weights_of(const Tensor& values, const Tensor& target, const Tensor& weights,
                        const Location& at) const {
  const Tensor given = weights.defined() ? spread_weights(weights, values, at) : weights;
  const bool may_be_ignored = traits_.ignore_index && target.dtype() != u8 &&
                              target.dtype() != boolean && target.elements() == values.elements();
  if (!may_be_ignored) return given;
  const Tensor numbers = target.shape() == values.shape() ? target : target.reshape(values.shape());
  const Tensor counts = not_equal(numbers, *traits_.ignore_index).to(values.dtype());
  return given.defined() ? counts * given : counts;
}

Tensor Loss::reduce_counted(const Tensor& values, const Tensor& weights, bool weighted) const {
  // Ignored values are 0 already; 0 / 0 where there are no others.
  if (!weighted && weights.defined()) {
    return reduction_ == Reduction::mean ? sum(values) / sum(weights)
                                         : reduce(values, {}, reduction_);
  }
  return reduce(values, weights, reduction_);
}

Tensor reduce(const Tensor& values, const Tensor& weights, Reduction reduction) {
  Tensor weighted = values;
  Tensor total;
  if (weights.defined()) {
    const Tensor w = spread_weights(weights, values);
    weighted = values * w;
    total = sum(broadcast_to(w, values.shape()));
  }
  if (reduction == Reduction::none) return weighted;
  if (reduction == Reduction::sum) return sum(weighted);
  if (!total.defined()) return mean(weighted);
  if (values.elements() == 0) return mean(weighted);
  // All weights zero: the loss is zero and not 0 / 0.
  return sum(weighted) / where(not_equal(total, 0), total, ones_like(total));
}

}  // namespace nacre::loss
