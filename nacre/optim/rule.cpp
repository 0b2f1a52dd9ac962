#include "nacre/optim/rule.h"

#include <fmt/format.h>

#include <cmath>

namespace nacre::optim {

void expect_share(const char* optimizer, const char* option, double value) {
  if (!(value >= 0 && value < 1)) {
    throw ValueError(
        fmt::format("{}: {} = {}; it must be at least 0 and below 1", optimizer, option, value));
  }
}
void expect_least_zero(const char* optimizer, const char* option, double value) {
  if (value >= 0 && std::isfinite(value)) return;
  throw ValueError(
      fmt::format("{}: {} = {}; it must be finite and at least 0", optimizer, option, value));
}
void expect_epsilon(const char* optimizer, double value) {
  if (!(value >= 0)) throw ValueError(fmt::format("{}: epsilon = {} is below 0", optimizer, value));
}

Tensor with_decay(const Update& u) {
  return u.weight_decay > 0 ? u.gradient + u.weight_decay * u.value : u.gradient;
}

Tensor move_average(Variable& average, double share, const Tensor& x) {
  const Tensor next = share * average + (1 - share) * x;
  average.assign(next);
  return next;
}

Tensor bias_correction(double share, const Tensor& step) { return 1 - pow(share, step); }

Tensor decayed(const Update& u, const Tensor& rate) {
  return u.weight_decay > 0 ? u.value * (1 - rate * u.weight_decay) : u.value;
}

Tensor adam_step(const Update& u, const Tensor& value, const Tensor& g, double beta1, double beta2,
                 double epsilon, bool amsgrad) {
  const Tensor m = move_average(u.slot("first_moment", 0), beta1, g);
  Tensor v = move_average(u.slot("second_moment", 0), beta2, square(g));
  if (amsgrad) {
    Variable& largest = u.slot("largest_second_moment", 0);
    v = maximum(largest, v);
    largest.assign(v);
  }
  return value - u.scalars[0] * (m / (sqrt(v) * u.scalars[1] + epsilon));
}
Tensors adam_scalars(const Tensor& rate, const Tensor& step, double beta1, double beta2) {
  return {rate / bias_correction(beta1, step), 1 / sqrt(bias_correction(beta2, step)), rate};
}

}  // namespace nacre::optim
