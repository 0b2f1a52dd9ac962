#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct RMSpropRule final : RuleOf<RMSpropRule, RMSpropOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "rmsprop"; }
  Tensors scalars(const Tensor& rate, const Tensor&) const override { return {rate}; }
  Tensor apply(const Update& u) const override {
    const Tensor g = with_decay(u);
    Tensor power = move_average(u.slot("second_moment", 0), o.alpha, square(g));
    if (o.centered) {
      power = power - square(move_average(u.slot("first_moment", 0), o.alpha, g));
    }
    const Tensor direction = g / (sqrt(power) + o.epsilon);
    if (o.momentum == 0) return u.value - u.scalars[0] * direction;
    Variable& v = u.slot("momentum", 0);
    const Tensor next = o.momentum * v + direction;
    v.assign(next);
    return u.value - u.scalars[0] * next;
  }
};

}  // namespace

RMSprop::RMSprop(const RMSpropOptions& o)
    : Optimizer(std::make_unique<RMSpropRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("RMSprop", "alpha", o.alpha);
  expect_share("RMSprop", "momentum", o.momentum);
  expect_epsilon("RMSprop", o.epsilon);
}

}  // namespace nacre::optim
