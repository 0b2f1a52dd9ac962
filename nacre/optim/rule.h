// What the files of optimizers share: a rule with its options, and checks of these.
#pragma once

#include <memory>

#include "nacre/ops/api.h"
#include "nacre/optim/optimizers.h"

namespace nacre::optim {

// Options and name; the derived struct adds the formulas.
template <class Self, class Options>
struct RuleOf : UpdateRule {
  explicit RuleOf(const Options& options) : o(options) {}
  std::unique_ptr<UpdateRule> clone() const final {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  Options o;
};

// Throw ValueError that names optimizer and option for a value that is not in [0, 1), finite and at
// least 0, at least 0.
void expect_share(const char* optimizer, const char* option, double value);
void expect_least_zero(const char* optimizer, const char* option, double value);
void expect_epsilon(const char* optimizer, double value);

// The gradient with the weight decay that is part of it.
Tensor with_decay(const Update& u);
// The value after a decay of its own, which no gradient sees; `rate` is the step's.
Tensor decayed(const Update& u, const Tensor& rate);
// average = share * average + (1 - share) * x, assigned and returned.
Tensor move_average(Variable& average, double share, const Tensor& x);
// 1 - share^step.
Tensor bias_correction(double share, const Tensor& step);

// The step of Adam, by PyTorch's order of operations, and its scalars: the corrected rate, the
// correction of the second moment, the rate.
Tensor adam_step(const Update& u, const Tensor& value, const Tensor& g, double beta1, double beta2,
                 double epsilon, bool amsgrad);
Tensors adam_scalars(const Tensor& rate, const Tensor& step, double beta1, double beta2);

}  // namespace nacre::optim
