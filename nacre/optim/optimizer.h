// Optimizer: how gradients change parameters. All state is in Variables, the step count and the
// rate too, so that a compiled step carries it from one call to the next.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nacre/nn/module.h"
#include "nacre/optim/schedule.h"

namespace nacre::optim {

// What one update rule sees of one parameter.
struct Update {
  Tensor value;
  Tensor gradient;
  const Tensors& scalars;  // what the rule's scalars() gave, in the parameter's dtype
  double weight_decay = 0;
  std::function<Variable&(const std::string& name, double initial)> slot;  // state of its shape
};

// An algorithm. Rules hold options only; state lives in slots.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual std::unique_ptr<UpdateRule> clone() const = 0;
  virtual std::string name() const = 0;
  // What depends on the rate and the step (1, 2, ...; f64 scalars) only, computed in f64.
  virtual Tensors scalars(const Tensor& rate, const Tensor& step) const = 0;
  // The new value.
  virtual Tensor apply(const Update& update) const = 0;
};

// Parameters that are treated differently.
struct Group {
  std::string match = "*";               // names, with * for anything: "*.bias"
  double rate_factor = 1;                // times the learning rate; 0 freezes
  std::optional<double> weight_decay{};  // instead of the optimizer's
};

class Optimizer {
 public:
  Optimizer(std::unique_ptr<UpdateRule> rule, Schedule rate, double weight_decay);
  Optimizer(const Optimizer& other);
  Optimizer(Optimizer&&) noexcept = default;
  Optimizer& operator=(const Optimizer& other);
  Optimizer& operator=(Optimizer&&) noexcept = default;

  // What can be added to any optimizer; each returns it.
  // Scales all gradients together so that their joint Euclidean norm is at most `norm` > 0.
  Optimizer& clip_norm(double norm);
  // Limits each element to [-value, value].
  Optimizer& clip_value(double value);
  // Keeps an average of the weights: average = decay * average + (1 - decay) * weight.
  Optimizer& average_weights(double decay = 0.999);
  // Whether gradients that are not finite are errors (they are, until this is called with false).
  // All gradients are looked through in one step, which costs little beside the update.
  Optimizer& check_gradients(bool on);
  // Groups are tried in the order in which they were added; the first that matches counts.
  Optimizer& group(Group group);

  // Changes the parameters by one step; gradients in their order. Throws ShapeError when there are
  // not as many gradients as parameters, GradientError that names the parameter when a gradient is
  // not finite (in a compiled function: check_finite()).
  void apply(const nn::NamedVariables& parameters, const Tensors& gradients);
  template <nn::VisitableModule M>
  void apply(M& module, const Tensors& gradients) {
    apply(nn::parameters(module), gradients);
  }
  // Adds gradients up for the next apply(), which takes the mean over all of them and its own.
  void accumulate(const nn::NamedVariables& parameters, const Tensors& gradients);
  // After a compiled step: throws GradientError that names the first parameter whose gradient was
  // not finite.
  void check_finite() const;
  // Its name; "" when all gradients of the last step were finite or are not checked.
  std::string non_finite_gradient() const;

  // The rate of the last step (before the first: of the first).
  double learning_rate() const;
  // Sets a constant rate; with a schedule, scales it by rate / (what it would be now).
  void set_learning_rate(double rate);
  const Schedule& schedule() const { return schedule_; }
  std::int64_t step() const { return step_.value().item<std::int64_t>(); }
  std::string name() const { return rule_->name(); }
  double weight_decay() const { return weight_decay_; }

  // Exchanges the weights with their averages (average_weights()), to evaluate with the averages;
  // a second call changes them back.
  void swap_averages(const nn::NamedVariables& parameters);

  // All state by name: "step", "learning_rate", "momentum/hidden.weight", ...
  nn::NamedVariables state();
  // Restores what state() gave.
  void load_state(const nn::StateMap& values);

 private:
  Variable& slot(const std::string& name, const std::string& parameter, const Spec& spec,
                 double initial);
  const Group* group_of(const std::string& name) const;
  Tensors take_accumulated(const nn::NamedVariables& parameters, const Tensors& gradients);
  void examine(const nn::NamedVariables& parameters, const Tensors& gradients);
  void clip(Tensors& gradients);
  Tensor current_rate(const Tensor& step);

  std::unique_ptr<UpdateRule> rule_;
  Schedule schedule_;
  double weight_decay_ = 0;
  double clip_norm_ = 0;
  double clip_value_ = 0;
  double average_ = 0;
  bool check_gradients_ = true;
  std::vector<Group> groups_;
  Variable step_;
  Variable rate_;
  Variable factor_;
  Variable non_finite_;                    // place in examined_ of a bad gradient, or -1
  std::vector<std::string> examined_;      // parameters by place, of all lists that were examined
  std::map<std::string, Variable> slots_;  // "slot/parameter"
};

}  // namespace nacre::optim
