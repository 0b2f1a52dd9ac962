#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct LionRule final : RuleOf<LionRule, LionOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "lion"; }
  Tensors scalars(const Tensor& rate, const Tensor&) const override { return {rate}; }
  Tensor apply(const Update& u) const override {
    Variable& m = u.slot("momentum", 0);
    const Tensor direction = sign(o.beta1 * m + (1 - o.beta1) * u.gradient);
    const Tensor value = decayed(u, u.scalars[0]);
    move_average(m, o.beta2, u.gradient);
    return value - u.scalars[0] * direction;
  }
};

}  // namespace

Lion::Lion(const LionOptions& o)
    : Optimizer(std::make_unique<LionRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Lion", "beta1", o.beta1);
  expect_share("Lion", "beta2", o.beta2);
}

}  // namespace nacre::optim
