#include "nacre/optim/optimizers.h"

#include <fmt/format.h>

#include <cmath>

#include "nacre/ops/api.h"

namespace nacre::optim {
namespace {

// Options and name; the derived struct adds the formulas.
template <class Self, class Options>
struct RuleOf : UpdateRule {
  explicit RuleOf(const Options& options) : o(options) {}
  std::unique_ptr<UpdateRule> clone() const final {
    return std::make_unique<Self>(static_cast<const Self&>(*this));
  }
  Options o;
};

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

// average = share * average + (1 - share) * x, assigned and returned.
Tensor move_average(Variable& average, double share, const Tensor& x) {
  const Tensor next = share * average + (1 - share) * x;
  average.assign(next);
  return next;
}

// 1 - share^step.
Tensor bias_correction(double share, const Tensor& step) { return 1 - pow(share, step); }

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

// Adam and AdamW, by PyTorch's order of operations.
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
    const Tensor decayed =
        u.weight_decay > 0 ? u.value * (1 - u.scalars[2] * u.weight_decay) : u.value;
    return adam_step(u, decayed, u.gradient, o.beta1, o.beta2, o.epsilon, o.amsgrad);
  }
};

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

struct LionRule final : RuleOf<LionRule, LionOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "lion"; }
  Tensors scalars(const Tensor& rate, const Tensor&) const override { return {rate}; }
  Tensor apply(const Update& u) const override {
    Variable& m = u.slot("momentum", 0);
    const Tensor direction = sign(o.beta1 * m + (1 - o.beta1) * u.gradient);
    const Tensor decayed =
        u.weight_decay > 0 ? u.value * (1 - u.scalars[0] * u.weight_decay) : u.value;
    move_average(m, o.beta2, u.gradient);
    return decayed - u.scalars[0] * direction;
  }
};

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

// The factor of the singular value decomposition that is nearest to x: U V^T, roughly, by a
// quintic iteration whose coefficients give a fast rise of small singular values.
Tensor nearly_orthogonal(const Tensor& matrix, std::int64_t iterations, double epsilon) {
  constexpr double kA = 3.4445;
  constexpr double kB = -4.7750;
  constexpr double kC = 2.0315;
  const bool tall = matrix.size(0) > matrix.size(1);
  Tensor x = tall ? transpose(matrix) : matrix;
  const auto [scale, root] = norm_parts({x});
  x = x / scale.to(x.dtype()) / maximum(root, epsilon / scale).to(x.dtype());
  for (std::int64_t i = 0; i < iterations; ++i) {
    const Tensor gram = matmul(x, x, {.transpose_b = true});
    const Tensor mix = kB * gram + kC * matmul(gram, gram);
    x = kA * x + matmul(mix, x);
  }
  return tall ? transpose(x) : x;
}

struct MuonRule final : RuleOf<MuonRule, MuonOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "muon"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return adam_scalars(rate, step, o.beta1, o.beta2);
  }
  Tensor apply(const Update& u) const override {
    const Tensor decayed =
        u.weight_decay > 0 ? u.value * (1 - u.scalars[2] * u.weight_decay) : u.value;
    if (u.value.rank() < 2) {
      return adam_step(u, decayed, u.gradient, o.beta1, o.beta2, 1e-8, false);
    }
    const Tensor m = move_average(u.slot("momentum", 0), o.momentum, u.gradient);
    const Tensor direction = o.nesterov ? (1 - o.momentum) * u.gradient + o.momentum * m : m;
    const std::int64_t rows = u.value.size(0);
    const std::int64_t columns = u.value.elements() / rows;
    const Tensor step =
        nearly_orthogonal(reshape(direction, Shape{rows, columns}), o.iterations, o.epsilon);
    const double scale =
        std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
    return decayed - u.scalars[2] * scale * reshape(step, u.value.shape());
  }
};

template <class Rule, class Options>
std::unique_ptr<UpdateRule> make(const Options& options) {
  return std::make_unique<Rule>(options);
}

}  // namespace

SGD::SGD(const SGDOptions& o) : Optimizer(make<SGDRule>(o), o.learning_rate, o.weight_decay) {
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
Adam::Adam(const AdamOptions& o) : Optimizer(make<AdamRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Adam", "beta1", o.beta1);
  expect_share("Adam", "beta2", o.beta2);
  expect_epsilon("Adam", o.epsilon);
}
AdamW::AdamW(const AdamWOptions& o)
    : Optimizer(make<AdamWRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("AdamW", "beta1", o.beta1);
  expect_share("AdamW", "beta2", o.beta2);
  expect_epsilon("AdamW", o.epsilon);
}
RMSprop::RMSprop(const RMSpropOptions& o)
    : Optimizer(make<RMSpropRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("RMSprop", "alpha", o.alpha);
  expect_share("RMSprop", "momentum", o.momentum);
  expect_epsilon("RMSprop", o.epsilon);
}
Adagrad::Adagrad(const AdagradOptions& o)
    : Optimizer(make<AdagradRule>(o), o.learning_rate, o.weight_decay) {
  expect_least_zero("Adagrad", "learning_rate_decay", o.learning_rate_decay);
  expect_least_zero("Adagrad", "initial_accumulator", o.initial_accumulator);
  expect_epsilon("Adagrad", o.epsilon);
}
Adadelta::Adadelta(const AdadeltaOptions& o)
    : Optimizer(make<AdadeltaRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Adadelta", "rho", o.rho);
  expect_epsilon("Adadelta", o.epsilon);
}
Lion::Lion(const LionOptions& o) : Optimizer(make<LionRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Lion", "beta1", o.beta1);
  expect_share("Lion", "beta2", o.beta2);
}
Lamb::Lamb(const LambOptions& o) : Optimizer(make<LambRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Lamb", "beta1", o.beta1);
  expect_share("Lamb", "beta2", o.beta2);
  expect_epsilon("Lamb", o.epsilon);
}
Muon::Muon(const MuonOptions& o) : Optimizer(make<MuonRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Muon", "momentum", o.momentum);
  expect_share("Muon", "beta1", o.beta1);
  expect_share("Muon", "beta2", o.beta2);
  expect_epsilon("Muon", o.epsilon);
  if (o.iterations < 1) throw ValueError("Muon: iterations must be at least 1");
}

}  // namespace nacre::optim
