#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct AdagradRule final : RuleOf<AdagradRule, AdagradOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "adagrad"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return {rate / (1 + (step - 1) * o.learning_rate_decay)};
  }
  Tensor apply(const Update& u) const override {
    const Tensor g = with_decay(u);
    Variable& power = u.slot("sum_of_squares", o.initial_accumulator);
    const Tensor next = power + square(g);
    power.assign(next);
    return u.value - u.scalars[0] * (g / (sqrt(next) + o.epsilon));
  }
};

}  // namespace

Adagrad::Adagrad(const AdagradOptions& o)
    : Optimizer(std::make_unique<AdagradRule>(o), o.learning_rate, o.weight_decay) {
  expect_least_zero("Adagrad", "learning_rate_decay", o.learning_rate_decay);
  expect_least_zero("Adagrad", "initial_accumulator", o.initial_accumulator);
  expect_epsilon("Adagrad", o.epsilon);
}

}  // namespace nacre::optim
