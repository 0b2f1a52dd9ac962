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
  return reduce(values_(prediction, target.tensor(prediction.dtype())), weights, reduction_);
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
  // All weights zero: the loss is zero and not 0 / 0.
  return sum(weighted) / where(not_equal(total, 0), total, ones_like(total));
}

}  // namespace nacre::loss
