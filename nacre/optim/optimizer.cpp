#include "nacre/optim/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "nacre/base/mix_hash.h"
#include "nacre/ops/api.h"
#include "nacre/run/tape.h"

namespace nacre::optim {
namespace {

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
constexpr const char* kAverage = "average";

}  // namespace

Optimizer::Optimizer(std::unique_ptr<UpdateRule> rule, Schedule rate, double weight_decay)
    : rule_(std::move(rule)),
      schedule_(std::move(rate)),
      weight_decay_(weight_decay),
      step_(zeros({}, i64), "step", false),
      rate_(full({}, schedule_.at(0), f64), "learning_rate", false),
      factor_(ones({}, f64), "rate_factor", false),
      kind_(zeros({}, i64), "rule", false),
      non_finite_(full({}, -1, i64), "non_finite_gradient", false) {
  if (!rule_) throw ValueError("optimizer: the update rule is null");
  if (!(weight_decay >= 0) || !std::isfinite(weight_decay)) {
    throw ValueError(
        fmt::format("optimizer: weight_decay {}; it must be finite and at least 0", weight_decay));
  }
}

Optimizer& Optimizer::clip_norm(double norm) {
  expect_positive("clip_norm", norm);
  clip_norm_ = norm;
  options_changed();
  return *this;
}
Optimizer& Optimizer::clip_value(double value) {
  expect_positive("clip_value", value);
  clip_value_ = value;
  options_changed();
  return *this;
}
Optimizer& Optimizer::average_weights(double decay) {
  if (!(decay > 0 && decay < 1)) {
    throw ValueError(fmt::format("average_weights: decay {} is not between 0 and 1", decay));
  }
  average_ = decay;
  options_changed();
  return *this;
}
Optimizer& Optimizer::check_gradients(bool on) {
  check_gradients_ = on;
  options_changed();
  return *this;
}

Optimizer& Optimizer::group(Group group) {
  if (!(group.rate_factor >= 0) || !std::isfinite(group.rate_factor)) {
    throw ValueError(
        fmt::format("optimizer: group \"{}\" has rate_factor {}; it must be finite "
                    "and at least 0",
                    group.match, group.rate_factor));
  }
  if (group.weight_decay && (!(*group.weight_decay >= 0) || !std::isfinite(*group.weight_decay))) {
    throw ValueError(
        fmt::format("optimizer: group \"{}\" has weight_decay {}; it must be finite "
                    "and at least 0",
                    group.match, *group.weight_decay));
  }
  const Tensor factor = Tensor::scalar(group.rate_factor, f64);
  const auto old = std::find_if(groups_.begin(), groups_.end(),
                                [&](const Group& g) { return g.match == group.match; });
  if (old != groups_.end()) {
    group_factors_[static_cast<std::size_t>(old - groups_.begin())].assign(factor);
    *old = std::move(group);
  } else {
    group_factors_.emplace_back(factor, "group_rate/" + group.match, false);
    group_used_.push_back(false);
    groups_.push_back(std::move(group));
  }
  options_changed();
  return *this;
}

std::uint64_t Optimizer::options_number() const {
  std::size_t h = mix_hash(schedule_.number(), structure_);
  for (const double x : {clip_norm_, clip_value_, average_, check_gradients_ ? 1.0 : 0.0}) {
    h = mix_hash(h, std::hash<double>{}(x));
  }
  for (const Group& g : groups_) {
    h = mix_hash(h, std::hash<std::string>{}(g.match));
    h = mix_hash(h, g.rate_factor == 0 ? 1 : 0);
    h = mix_hash(h, std::hash<double>{}(g.weight_decay.value_or(-1)));
  }
  return h;
}

int Optimizer::group_of(const std::string& name) const {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (nn::name_matches(groups_[i].match, name)) return static_cast<int>(i);
  }
  return -1;
}

void Optimizer::check_groups(const nn::NamedVariables& parameters, const nn::VisitFn* module) {
  const auto unused = [&] {
    return static_cast<std::size_t>(std::find(group_used_.begin(), group_used_.end(), false) -
                                    group_used_.begin());
  };
  if (unused() == groups_.size()) return;
  std::vector<std::string> names;
  for (const nn::NamedVariable& p : parameters) names.push_back(p.name);
  if (module) {
    for (const nn::NamedVariable& v : nn::collect_state(*module)) names.push_back(v.name);
  }
  for (const auto& entry : entries_) names.push_back(entry->name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  bool taken = false;
  for (const std::string& name : names) {
    if (const int g = group_of(name); g >= 0) group_used_[static_cast<std::size_t>(g)] = true;
  }
  const std::size_t bad = unused();
  if (bad == groups_.size()) return;
  const std::string& pattern = groups_[bad].match;
  for (const std::string& name : names) taken = taken || nn::name_matches(pattern, name);
  throw ValueError(format_error(
      {.op = "optimizer",
       .what = taken ? "group \"" + pattern +
                           "\" has no effect: all it matches belongs to a group before it"
                     : "group \"" + pattern + "\" matches no parameter" +
                           nn::names_hint(pattern, names),
       .hint = taken ? "add the group with the narrower pattern first"
                     : "* stands for any characters: \"*.bias\"; parameters that are frozen are "
                       "known to apply(module, gradients) only"}));
}

Tensor Optimizer::current_rate(const Tensor& step) {
  if (schedule_.is_constant()) return rate_.value();
  const Tensor rate = schedule_(step) * factor_;
  rate_.assign(rate);
  return rate;
}

Optimizer::Changing Optimizer::changing(const nn::NamedVariables& parameters,
                                        const Tensors& gradients) {
  if (parameters.size() != gradients.size()) {
    throw ShapeError(fmt::format("optimizer: {} gradients for {} parameters", gradients.size(),
                                 parameters.size()));
  }
  Changing out;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const int group = group_of(parameters[i].name);
    if (group >= 0 && groups_[static_cast<std::size_t>(group)].rate_factor == 0) continue;
    const Spec& spec = parameters[i].cell->value.spec();
    if (!(spec.shape == gradients[i].shape())) {
      throw ShapeError(fmt::format("optimizer: \"{}\" is {}, its gradient {}", parameters[i].name,
                                   to_string(spec), to_string(gradients[i].spec())));
    }
    out.parameters.push_back(parameters[i]);
    out.gradients.push_back(gradients[i]);
    out.groups.push_back(group);
  }
  out.entries = entries_of(out.parameters);
  return out;
}

void Optimizer::accumulate(const nn::NamedVariables& parameters, const Tensors& gradients,
                           const AccumulateOptions& options) {
  const TapePause pause;
  const Changing all = changing(parameters, gradients);
  for (Entry* entry : all.entries) {
    if (entry->count->gathered.defined()) continue;
    entry->count->gathered = Variable(zeros({}, f64), "gathered", false);
    ++structure_;
  }
  setting_.note(options_number());
  examine(parameters, gradients);
  const bool weighs = options.weight.defined() && !options.sum;
  for (std::size_t i = 0; i < all.entries.size(); ++i) {
    const Tensor& g = all.gradients[i];
    Variable& sum = slot(*all.entries[i], kSum, g.spec(), 0);
    sum.assign(sum + (weighs ? g * options.weight.to(g.dtype()) : g));
  }
  const Tensor weight = weighs ? options.weight.to(f64) : ones({}, f64);
  std::vector<Count*> done;
  for (Entry* entry : all.entries) {
    Count* count = entry->count.get();
    if (std::find(done.begin(), done.end(), count) != done.end()) continue;
    done.push_back(count);
    count->gathered.assign(count->gathered + weight);
  }
}

Tensors Optimizer::take_accumulated(const Changing& changing, const AccumulateOptions& options) {
  const bool weighs = options.weight.defined() && !options.sum;
  const Tensor weight = weighs ? options.weight.to(f64) : ones({}, f64);
  std::map<Count*, Tensor> totals;
  std::vector<Count*> order;  // of the map above: addresses are others in every process
  Tensors result;
  for (std::size_t i = 0; i < changing.entries.size(); ++i) {
    const Tensor& g = changing.gradients[i];
    Count* count = changing.entries[i]->count.get();
    if (!count->gathered.defined()) {
      result.push_back(g);
      continue;
    }
    Tensor& total = totals[count];
    if (!total.defined()) {
      total = count->gathered + weight;
      order.push_back(count);
    }
    Variable& sum = slot(*changing.entries[i], kSum, g.spec(), 0);
    Tensor all = sum + (weighs ? g * options.weight.to(g.dtype()) : g);
    if (!options.sum) {
      // All weights zero: the gradient is zero and not 0 / 0.
      all = all / where(greater(total, 0), total, ones_like(total)).to(g.dtype());
    }
    result.push_back(all);
    sum.assign(zeros_like(g));
  }
  for (Count* count : order) count->gathered.assign(zeros_like(totals[count]));
  return result;
}

void Optimizer::discard_accumulated() {
  for (const auto& entry : entries_) {
    if (!entry->count || !entry->count->gathered.defined()) continue;
    entry->count->gathered.assign(zeros({}, f64));
    if (const auto sum = entry->slots.find(kSum); sum != entry->slots.end()) {
      sum->second.assign(zeros_like(sum->second));
    }
  }
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

std::pair<Tensor, Tensor> norm_parts(const Tensors& tensors) {
  const bool wide =
      std::any_of(tensors.begin(), tensors.end(), [](const Tensor& t) { return t.dtype() == f64; });
  const DType dtype = wide ? f64 : f32;
  Tensor scale = zeros({}, dtype);
  for (const Tensor& t : tensors) {
    if (t.elements() > 0) scale = maximum(scale, maximum(max(t), neg(min(t))).to(dtype));
  }
  scale = where(greater(scale, 0), scale, ones_like(scale));
  Tensor total = zeros({}, dtype);
  for (const Tensor& t : tensors) {
    if (t.elements() > 0) total = total + sum(square(t.to(dtype) / scale));
  }
  return {scale, sqrt(total)};
}

void Optimizer::clip(Tensors& gradients) const {
  if (clip_norm_ > 0 && !gradients.empty()) {
    const auto [scale, root] = norm_parts(gradients);
    // PyTorch adds 1e-6 to the norm, so does this. The product of scale and root may be too large
    // for their dtype, and so may the quotient of the limit and the norm be too small: each
    // gradient is divided by the one and multiplied by the other factor.
    const Tensor wanted = clip_norm_ / (root + 1e-6 / scale);
    const Tensor clips = less(wanted, scale);
    const Tensor divisor = where(clips, scale, ones_like(scale));
    const Tensor factor = where(clips, wanted, ones_like(scale));
    for (Tensor& g : gradients) g = g / divisor.to(g.dtype()) * factor.to(g.dtype());
  }
  if (clip_value_ > 0) {
    for (Tensor& g : gradients) g = minimum(maximum(g, -clip_value_), clip_value_);
  }
}

Tensor Optimizer::finite_word() const {
  if (!check_gradients_) return {};
  const Tensor word = non_finite_.value();
  return word.is_traced() ? Tensor() : word;
}

std::string Optimizer::gradient_of(const Tensor& word) const {
  if (!word.defined()) return {};
  const auto place = word.item<std::int64_t>();
  return place < 0 ? std::string() : examined_.at(static_cast<std::size_t>(place));
}

void Optimizer::check_finite() const {
  if (const std::string name = non_finite_gradient(); !name.empty()) fail_not_finite(name);
}

void Optimizer::update(const nn::NamedVariables& parameters, const Tensors& given,
                       const AccumulateOptions& options, const nn::VisitFn* module) {
  const TapePause pause;
  const Changing all = changing(parameters, given);
  check_groups(parameters, module);
  setting_.note(options_number());
  examine(parameters, given);
  Tensors gradients = take_accumulated(all, options);
  clip(gradients);
  const Tensor step = step_.value().to(f64);
  const Tensor rate = current_rate(step);
  // Scalars once for each group, count and dtype, not for each parameter.
  std::map<std::tuple<int, Count*, DType>, Tensors> scalars;
  std::map<Count*, Tensor> updates;
  std::vector<Count*> order;  // as in take_accumulated
  for (std::size_t i = 0; i < all.entries.size(); ++i) {
    const nn::NamedVariable& p = all.parameters[i];
    Entry& entry = *all.entries[i];
    const int place = all.groups[i];
    const Group* group = place >= 0 ? &groups_[static_cast<std::size_t>(place)] : nullptr;
    const Tensor value = p.value();
    Tensor& count = updates[entry.count.get()];
    if (!count.defined()) {
      count = entry.count->updates + 1;
      order.push_back(entry.count.get());
    }
    Tensors& s = scalars[{place, entry.count.get(), value.dtype()}];
    if (s.empty()) {
      const Tensor scaled = group ? rate * group_factors_[static_cast<std::size_t>(place)] : rate;
      for (const Tensor& t : rule_->scalars(scaled, count.to(f64))) {
        s.push_back(t.to(value.dtype()));
      }
    }
    const Update now{value, gradients[i], s,
                     group && group->weight_decay ? *group->weight_decay : weight_decay_,
                     [&](const std::string& name, double initial) -> Variable& {
                       return slot(entry, name, value.spec(), initial);
                     }};
    const Tensor changed = rule_->apply(now);
    if (average_ > 0) {
      if (entry.slots.count(kAverage) == 0) {
        // It begins as the weight before its first change.
        entry.slots.emplace(kAverage, Variable(p.cell->value, kAverage, false));
      }
      Variable& average = entry.slots.at(kAverage);
      average.assign(average_ * average + (1 - average_) * changed);
    }
    assign(p.cell, changed);
  }
  for (Count* count : order) count->updates.assign(updates[count]);
  step_.assign(step_ + 1);
}

double Optimizer::learning_rate() const { return rate_.value().item<double>(); }

void Optimizer::set_learning_rate(double rate) {
  if (!(rate >= 0) || !std::isfinite(rate)) {
    throw ValueError(fmt::format("set_learning_rate: {} is not finite and at least 0", rate));
  }
  if (!schedule_.is_constant()) {
    const double now = schedule_.at(std::max<std::int64_t>(0, step() - 1));
    if (now == 0 && rate > 0) {
      throw ValueError(
          fmt::format("set_learning_rate: the schedule \"{}\" is scaled, and no "
                      "factor makes its rate of 0 at step {} to {}\n  hint: "
                      "set_schedule({}) replaces it",
                      schedule_.name(), step(), rate, rate));
    }
    if (now > 0) factor_.assign(Tensor::scalar(rate / now, f64));
  }
  rate_.assign(Tensor::scalar(rate, f64));
}

void Optimizer::set_schedule(Schedule schedule) {
  schedule_ = std::move(schedule);
  factor_.assign(ones({}, f64));
  rate_.assign(Tensor::scalar(schedule_.at(step()), f64));
  options_changed();
}

void Optimizer::swap_averages(const nn::NamedVariables& parameters) {
  std::vector<std::pair<VariableRef, Variable*>> pairs;
  const Entries entries = entries_of_each(parameters);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const nn::NamedVariable& p = parameters[i];
    Entry& entry = *entries[i];
    const auto found = entry.slots.find(kAverage);
    // What was never updated is its own average.
    if (found != entry.slots.end()) pairs.emplace_back(p.cell, &found->second);
  }
  if (pairs.empty()) {
    throw ValueError(format_error(
        {.op = "swap_averages",
         .what = average_ == 0 ? "the optimizer keeps no averages"
                               : "no step was made with these parameters: there are no averages",
         .hint = average_ == 0 ? "call average_weights(0.999) before the first step" : ""}));
  }
  for (const auto& [cell, average] : pairs) {
    const Tensor weights = read(cell);
    assign(cell, average->value());
    average->assign(weights);
  }
}

}  // namespace nacre::optim
