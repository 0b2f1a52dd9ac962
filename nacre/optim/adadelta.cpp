#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct AdadeltaRule final : RuleOf<AdadeltaRule, AdadeltaOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "adadelta"; }
  Tensors scalars(const Tensor& rate, const Tensor&) const override { return {rate}; }
  Tensor apply(const Update& u) const override {
    const Tensor g = with_decay(u);
    const Tensor power = move_average(u.slot("second_moment", 0), o.rho, square(g));
    Variable& moved = u.slot("second_moment_of_updates", 0);
    const Tensor change = sqrt(moved + o.epsilon) / sqrt(power + o.epsilon) * g;
    move_average(moved, o.rho, square(change));
    return u.value - u.scalars[0] * change;
  }
};

}  // namespace

Adadelta::Adadelta(const AdadeltaOptions& o)
    : Optimizer(std::make_unique<AdadeltaRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Adadelta", "rho", o.rho);
  expect_epsilon("Adadelta", o.epsilon);
}

}  // namespace nacre::optim
