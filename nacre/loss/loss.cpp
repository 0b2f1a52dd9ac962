#include "nacre/loss/loss.h"

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
    {"ctc", [] { return ctc(); }},
};

}  // namespace

Loss::Loss(const char* name) {
  std::string names;
  for (const Known& known : kKnown) {
    if (known.name == name) {
      *this = known.make();
      return;
    }
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  }
  throw ValueError("loss: none is named \"" + std::string(name) + "\"; there are " + names);
}

Tensor Loss::operator()(const Operand& prediction, const Operand& target,
                        const Tensor& weights) const {
  const Tensor t = target.tensor(prediction.dtype());
  const Tensor values = values_(prediction, t);
  const Tensor counts = counted(values, t);
  Tensor given = weights;
  if (weights.defined()) given = spread_weights(weights, values, prediction.at());
  if (!counts.defined()) return reduce(values, given, reduction_);
  if (weights.defined()) return reduce(values, counts * given, reduction_);
  // Ignored values are 0 already; 0 / 0 where there are no others.
  return reduction_ == Reduction::mean ? sum(values) / sum(counts) : reduce(values, {}, reduction_);
}

Tensor Loss::counted(const Tensor& values, const Tensor& target) const {
  const bool may_be_there = traits_.ignore_index && target.dtype() != u8 &&
                            target.dtype() != boolean && target.elements() == values.elements();
  if (!may_be_there) return {};
  const Tensor numbers = target.shape() == values.shape() ? target : target.reshape(values.shape());
  return not_equal(numbers, *traits_.ignore_index).to(values.dtype());
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
