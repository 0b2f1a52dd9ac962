#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

struct LambRule final : RuleOf<LambRule, LambOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "lamb"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return {1 / bias_correction(o.beta1, step), 1 / bias_correction(o.beta2, step), rate};
  }
  Tensor apply(const Update& u) const override {
    const Tensor m = move_average(u.slot("first_moment", 0), o.beta1, u.gradient);
    const Tensor v = move_average(u.slot("second_moment", 0), o.beta2, square(u.gradient));
    Tensor r = m * u.scalars[0] / (sqrt(v * u.scalars[1]) + o.epsilon);
    if (u.weight_decay > 0) r = r + u.weight_decay * u.value;
    const auto [weight_scale, weight_root] = norm_parts({u.value});
    const auto [update_scale, update_root] = norm_parts({r});
    // The trust ratio, of the norms, is 1 where one of them is 0.
    const Tensor both = minimum(weight_root, update_root);
    const Tensor safe = where(greater(update_root, 0), update_root, ones_like(update_root));
    const Tensor ratio = weight_root / safe * (weight_scale / update_scale);
    const Tensor trust = where(greater(both, 0), ratio, ones_like(safe));
    return u.value - u.scalars[2] * trust.to(u.value.dtype()) * r;
  }
};

}  // namespace

Lamb::Lamb(const LambOptions& o)
    : Optimizer(std::make_unique<LambRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Lamb", "beta1", o.beta1);
  expect_share("Lamb", "beta2", o.beta2);
  expect_epsilon("Lamb", o.epsilon);
}

}  // namespace nacre::optim
