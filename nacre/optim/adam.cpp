#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct AdamRule final : RuleOf<AdamRule, AdamOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "adam"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return adam_scalars(rate, step, o.beta1, o.beta2);
  }
  Tensor apply(const Update& u) const override {
    return adam_step(u, u.value, with_decay(u), o.beta1, o.beta2, o.epsilon, o.amsgrad);
  }
};

struct AdamWRule final : RuleOf<AdamWRule, AdamWOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "adamw"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return adam_scalars(rate, step, o.beta1, o.beta2);
  }
  Tensor apply(const Update& u) const override {
    const Tensor value = decayed(u, u.scalars[2]);
    return adam_step(u, value, u.gradient, o.beta1, o.beta2, o.epsilon, o.amsgrad);
  }
};

}  // namespace

Adam::Adam(const AdamOptions& o)
    : Optimizer(std::make_unique<AdamRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Adam", "beta1", o.beta1);
  expect_share("Adam", "beta2", o.beta2);
  expect_epsilon("Adam", o.epsilon);
}

AdamW::AdamW(const AdamWOptions& o)
    : Optimizer(std::make_unique<AdamWRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("AdamW", "beta1", o.beta1);
  expect_share("AdamW", "beta2", o.beta2);
  expect_epsilon("AdamW", o.epsilon);
}

}  // namespace nacre::optim
