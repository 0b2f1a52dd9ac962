#include <fmt/format.h>

#include <cmath>

#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct SGDRule final : RuleOf<SGDRule, SGDOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "sgd"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    // The share of g in v: 1 at the first step, 1 - dampening afterwards.
    if (o.dampening == 0) return {rate};
    return {rate, where(less(step, 1.5), ones_like(step), full_like(step, 1 - o.dampening))};
  }
  Tensor apply(const Update& u) const override {
    Tensor g = with_decay(u);
    if (o.momentum > 0) {
      Variable& v = u.slot("momentum", 0);
      const Tensor next = o.momentum * v + (o.dampening == 0 ? g : g * u.scalars[1]);
      v.assign(next);
      g = o.nesterov ? g + o.momentum * next : next;
    }
    return u.value - u.scalars[0] * g;
  }
};

}  // namespace

SGD::SGD(const SGDOptions& o)
    : Optimizer(std::make_unique<SGDRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("SGD", "momentum", o.momentum);
  if (o.nesterov && (o.momentum == 0 || o.dampening != 0)) {
    throw ValueError("SGD: nesterov needs a momentum above 0 and no dampening");
  }
  if (!std::isfinite(o.dampening) || (o.momentum == 0 && o.dampening != 0)) {
    throw ValueError(
        fmt::format("SGD: dampening = {}; it must be finite, and has no use without a "
                    "momentum",
                    o.dampening));
  }
}

}  // namespace nacre::optim
