#include "nacre/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/api.h"
#include "nacre/run/tape.h"

namespace nacre::optim {
namespace {

// * stands for any run of characters.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void expect_positive(const char* what, double value) {
  if (!(value > 0) || !std::isfinite(value)) {
    throw ValueError(
        fmt::format("optimizer: {} of {}; it must be finite and above 0", what, value));
  }
}

[[noreturn]] void fail_not_finite(const std::string& parameter) {
  throw GradientError(
      format_error({.op = "optimizer",
                    .what = "the gradient of \"" + parameter + "\" is not finite",
                    .hint = "a smaller learning rate, clip_value(), or a loss that works on logits "
                            "(from_logits) usually helps"}));
}

constexpr const char* kSum = "accumulated";
constexpr const char* kCount = "accumulated_count/";
constexpr const char* kAverage = "average";

}  // namespace

Optimizer::Optimizer(std::unique_ptr<UpdateRule> rule, Schedule rate, double weight_decay)
    : rule_(std::move(rule)),
      schedule_(std::move(rate)),
      weight_decay_(weight_decay),
      step_(zeros({}, i64), "step", false),
      rate_(full({}, schedule_.at(0), f64), "learning_rate", false),
      factor_(ones({}, f64), "rate_factor", false),
      non_finite_(full({}, -1, i64), "non_finite_gradient", false) {
  if (!(weight_decay >= 0)) {
    throw ValueError(fmt::format("optimizer: weight_decay {} is below 0", weight_decay));
  }
}

Optimizer::Optimizer(const Optimizer& other)
    : rule_(other.rule_->clone()),
      schedule_(other.schedule_),
      weight_decay_(other.weight_decay_),
      clip_norm_(other.clip_norm_),
      clip_value_(other.clip_value_),
      average_(other.average_),
      check_gradients_(other.check_gradients_),
      groups_(other.groups_),
      step_(other.step_),
      rate_(other.rate_),
      factor_(other.factor_),
      non_finite_(other.non_finite_),
      examined_(other.examined_),
      slots_(other.slots_) {}

Optimizer& Optimizer::operator=(const Optimizer& other) {
  if (this != &other) *this = Optimizer(other);
  return *this;
}

Optimizer& Optimizer::clip_norm(double norm) {
  expect_positive("clip_norm", norm);
  clip_norm_ = norm;
  return *this;
}
Optimizer& Optimizer::clip_value(double value) {
  expect_positive("clip_value", value);
  clip_value_ = value;
  return *this;
}
Optimizer& Optimizer::average_weights(double decay) {
  if (!(decay > 0 && decay < 1)) {
    throw ValueError(fmt::format("average_weights: decay {} is not between 0 and 1", decay));
  }
  average_ = decay;
  return *this;
}
Optimizer& Optimizer::check_gradients(bool on) {
  check_gradients_ = on;
  return *this;
}
Optimizer& Optimizer::group(Group group) {
  groups_.push_back(std::move(group));
  return *this;
}

const Group* Optimizer::group_of(const std::string& name) const {
  for (const Group& g : groups_) {
    if (matches(g.match, name)) return &g;
  }
  return nullptr;
}

Variable& Optimizer::slot(const std::string& name, const std::string& parameter, const Spec& spec,
                          double initial) {
  const std::string key = name + "/" + parameter;
  const auto found = slots_.find(key);
  if (found != slots_.end()) return found->second;
  return slots_.emplace(key, Variable(full(spec.shape, initial, spec.dtype), key, false))
      .first->second;
}

Tensor Optimizer::current_rate(const Tensor& step) {
  if (schedule_.is_constant()) return rate_.value();
  const Tensor rate = schedule_(step) * factor_;
  rate_.assign(rate);
  return rate;
}

void Optimizer::accumulate(const nn::NamedVariables& parameters, const Tensors& gradients) {
  examine(parameters, gradients);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Variable& sum = slot(kSum, parameters[i].name, gradients[i].spec(), 0);
    sum.assign(sum + gradients[i]);
  }
  Variable& count = slot(kCount, "", {f64, {}}, 0);
  count.assign(count + 1);
}

Tensors Optimizer::take_accumulated(const nn::NamedVariables& parameters,
                                    const Tensors& gradients) {
  const auto counted = slots_.find(std::string(kCount) + "/");
  if (counted == slots_.end()) return gradients;
  const Tensor share = 1 / (counted->second + 1);
  Tensors result;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Variable& sum = slot(kSum, parameters[i].name, gradients[i].spec(), 0);
    result.push_back((sum + gradients[i]) * share.to(gradients[i].dtype()));
    sum.assign(zeros_like(gradients[i]));
  }
  counted->second.assign(zeros_like(share));
  return result;
}

// Puts the place of the first bad gradient into non_finite_, in one step for all of them.
void Optimizer::examine(const nn::NamedVariables& parameters, const Tensors& gradients) {
  if (!check_gradients_ || gradients.empty()) return;
  const auto same = [](const std::string& name, const nn::NamedVariable& p) {
    return name == p.name;
  };
  auto known =
      std::search(examined_.begin(), examined_.end(), parameters.begin(), parameters.end(), same);
  const auto place = static_cast<std::int64_t>(known - examined_.begin());
  if (known == examined_.end()) {
    for (const nn::NamedVariable& p : parameters) examined_.push_back(p.name);
  }
  non_finite_.assign(first_non_finite(gradients, place));
  if (!non_finite_.value().is_traced()) check_finite();
}

void Optimizer::clip(Tensors& gradients) {
  if (clip_norm_ > 0) {
    Tensor total;
    for (const Tensor& g : gradients) {
      const Tensor squared = sum(square(g.to(f32)));
      total = total.defined() ? total + squared : squared;
    }
    // PyTorch adds 1e-6 to the norm, so does this.
    const Tensor factor = minimum(clip_norm_ / (sqrt(total) + 1e-6), 1);
    for (Tensor& g : gradients) g = g * factor.to(g.dtype());
  }
  if (clip_value_ > 0) {
    for (Tensor& g : gradients) g = minimum(maximum(g, -clip_value_), clip_value_);
  }
}

std::string Optimizer::non_finite_gradient() const {
  if (!check_gradients_ || non_finite_.value().is_traced()) return {};
  const auto place = non_finite_.value().item<std::int64_t>();
  return place < 0 ? std::string() : examined_.at(static_cast<std::size_t>(place));
}

void Optimizer::check_finite() const {
  if (const std::string name = non_finite_gradient(); !name.empty()) fail_not_finite(name);
}

void Optimizer::apply(const nn::NamedVariables& parameters, const Tensors& given) {
  if (parameters.size() != given.size()) {
    throw ShapeError(
        fmt::format("optimizer: {} gradients for {} parameters", given.size(), parameters.size()));
  }
  const TapePause pause;
  examine(parameters, given);
  Tensors gradients = take_accumulated(parameters, given);
  clip(gradients);
  const Tensor step = step_.value().to(f64);
  const Tensor rate = current_rate(step);
  // Scalars once for each rate and dtype, not for each parameter.
  std::map<std::pair<double, DType>, Tensors> scalars;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const nn::NamedVariable& p = parameters[i];
    const Group* group = group_of(p.name);
    const double rate_factor = group ? group->rate_factor : 1;
    if (rate_factor == 0) continue;
    const Tensor value = p.value();
    if (!(value.shape() == gradients[i].shape())) {
      throw ShapeError(fmt::format("optimizer: \"{}\" is {}, its gradient {}", p.name,
                                   to_string(value.spec()), to_string(gradients[i].spec())));
    }
    Tensors& s = scalars[{rate_factor, value.dtype()}];
    if (s.empty()) {
      const Tensor scaled = rate_factor == 1 ? rate : rate * rate_factor;
      for (const Tensor& t : rule_->scalars(scaled, step + 1)) s.push_back(t.to(value.dtype()));
    }
    const Update update{value, gradients[i], s,
                        group && group->weight_decay ? *group->weight_decay : weight_decay_,
                        [&](const std::string& name, double initial) -> Variable& {
                          return slot(name, p.name, value.spec(), initial);
                        }};
    const Tensor changed = rule_->apply(update);
    if (average_ > 0) {
      const std::string key = std::string(kAverage) + "/" + p.name;
      if (slots_.find(key) == slots_.end()) {
        // It begins as the weight before its first change.
        slots_.emplace(key, Variable(p.cell->value, key, false));
      }
      Variable& average = slots_.at(key);
      average.assign(average_ * average + (1 - average_) * changed);
    }
    assign(p.cell, changed);
  }
  step_.assign(step_ + 1);
}

double Optimizer::learning_rate() const { return rate_.value().item<double>(); }

void Optimizer::set_learning_rate(double rate) {
  if (!(rate >= 0) || !std::isfinite(rate)) {
    throw ValueError(fmt::format("set_learning_rate: {} is not finite and at least 0", rate));
  }
  if (!schedule_.is_constant()) {
    const double now = schedule_.at(std::max<std::int64_t>(0, step() - 1));
    factor_.assign(Tensor::scalar(now > 0 ? rate / now : 1, f64));
  }
  rate_.assign(Tensor::scalar(rate, f64));
}

void Optimizer::swap_averages(const nn::NamedVariables& parameters) {
  for (const nn::NamedVariable& p : parameters) {
    const auto found = slots_.find(std::string(kAverage) + "/" + p.name);
    if (found == slots_.end()) continue;
    const Tensor weights = p.value();
    assign(p.cell, found->second.value());
    found->second.assign(weights);
  }
}

nn::NamedVariables Optimizer::state() {
  nn::NamedVariables out{
      {"step", step_.cell()}, {"learning_rate", rate_.cell()}, {"rate_factor", factor_.cell()}};
  for (auto& [key, variable] : slots_) out.push_back({key, variable.cell()});
  return out;
}

void Optimizer::load_state(const nn::StateMap& values) {
  for (const auto& [name, value] : values) {
    if (name == "step") {
      step_.assign(value);
    } else if (name == "learning_rate") {
      rate_.assign(value);
    } else if (name == "rate_factor") {
      factor_.assign(value);
    } else if (const auto found = slots_.find(name); found != slots_.end()) {
      found->second.assign(value);
    } else {
      slots_.emplace(name, Variable(value, name, false));
    }
  }
}

}  // namespace nacre::optim
