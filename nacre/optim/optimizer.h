// Optimizer: how gradients change parameters. All state is in Variables, the step count and the
// rates too, so that a compiled step carries it from one call to the next. State belongs to the
// Variable it was made for: two modules whose members have equal names share nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "nacre/nn/module.h"
#include "nacre/optim/schedule.h"
#include "nacre/run/setting.h"

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

// How a gradient is added to those that accumulate() took before it.
struct AccumulateOptions {
  // Its weight, a scalar: the sum of the weights of its samples. Undefined: 1.
  Tensor weight = {};
  // Adds gradients up, as for a loss that sums, instead of taking their weighted mean.
  bool sum = false;
};

// An option by its name: Optimizer("sgd", {{"momentum", 0.9}, {"nesterov", true}}).
using OptionValue = std::variant<bool, std::int64_t, double, Schedule>;
using NamedOptions = std::vector<std::pair<std::string, OptionValue>>;

class Optimizer {
 public:
  // By name, with the defaults of its class (optim/optimizers.h) for options that are not given.
  // Throws ValueError for an unknown name or option, with the nearest known one, and for values of
  // another kind or out of range.
  Optimizer(const std::string& name, const NamedOptions& options);
  Optimizer(const char* name) : Optimizer(name, {}) {}  // NOLINT: implicit, as Loss("mse")
  // Throws ValueError for a null rule and a weight_decay below 0.
  Optimizer(std::unique_ptr<UpdateRule> rule, Schedule rate, double weight_decay);
  // A copy goes on from the same state with the same Variables. For the Variables of a copied
  // module: copy.load_state(nn::values_of(original.state())), which goes by name.
  Optimizer(const Optimizer& other);
  Optimizer(Optimizer&&) noexcept = default;
  Optimizer& operator=(const Optimizer& other);
  Optimizer& operator=(Optimizer&&) noexcept = default;

  // Settings of every optimizer, which may also change between two steps: a compiled step notices.
  // Each returns the optimizer. They throw ValueError for numbers out of range.
  // Scales all gradients together so that their joint Euclidean norm is at most `norm` > 0.
  Optimizer& clip_norm(double norm);
  // Limits each element to [-value, value].
  Optimizer& clip_value(double value);
  // Keeps an average of the weights: average = decay * average + (1 - decay) * weight.
  Optimizer& average_weights(double decay = 0.999);
  // Whether gradients that are not finite are errors (they are, until this is called with false).
  // All gradients are looked through in one step, which costs little beside the update.
  Optimizer& check_gradients(bool on);
  // Groups are tried in the order in which they were added; the first that matches counts. One with
  // the pattern of an earlier one takes its place: that is how a rate is changed later on, which
  // needs no new trace unless it becomes 0 or was.
  Optimizer& group(Group group);
  const std::vector<Group>& groups() const { return groups_; }

  // Changes the parameters by one step; gradients in their order. Throws ShapeError when there are
  // not as many gradients as parameters, GradientError that names the parameter when a gradient is
  // not finite (in a compiled function: check_finite()), ValueError for a group that no parameter
  // belongs to and for a loaded state that fits none of them.
  void apply(const nn::NamedVariables& parameters, const Tensors& gradients,
             const AccumulateOptions& options = {}) {
    update(parameters, gradients, options, nullptr);
  }
  // The same for nn::parameters(module); a group may be there for those that are frozen now.
  template <nn::VisitableModule M>
  void apply(M& module, const Tensors& gradients, const AccumulateOptions& options = {}) {
    const nn::VisitFn visit = nn::visit_fn(module);
    update(nn::collect_parameters(visit), gradients, options, &visit);
  }
  // Adds gradients up for the next apply(), which takes the mean over all of them and its own: with
  // weights, what one batch of all their samples gives.
  void accumulate(const nn::NamedVariables& parameters, const Tensors& gradients,
                  const AccumulateOptions& options = {});
  // Discards what accumulate() has added up since the last apply().
  void discard_accumulated();
  // After a compiled step: throws GradientError that names the first parameter whose gradient was
  // not finite.
  void check_finite() const;
  // Its name; "" when all gradients of the last step were finite or are not checked.
  std::string non_finite_gradient() const { return gradient_of(finite_word()); }
  // The same in two parts, for whoever keeps what steps gave and reads it later: the word of the
  // last step, undefined where gradients are not checked; and the name that it stands for.
  Tensor finite_word() const;
  std::string gradient_of(const Tensor& finite_word) const;

  // The rate of the last step (before the first: of the first).
  double learning_rate() const;
  // Sets a constant rate; with a schedule, scales it by rate / (what it would be now). Throws
  // ValueError for a rate that is not finite or below 0, and above 0 while the schedule gives 0.
  void set_learning_rate(double rate);
  const Schedule& schedule() const { return schedule_; }
  // Uses another schedule from the next step on; step() is not reset.
  void set_schedule(Schedule schedule);
  std::int64_t step() const { return step_.value().item<std::int64_t>(); }
  std::string name() const { return rule_->name(); }
  double weight_decay() const { return weight_decay_; }

  // Exchanges the weights with their averages (average_weights()), to evaluate with the averages;
  // a second call changes them back. Throws ValueError when there are no averages.
  void swap_averages(const nn::NamedVariables& parameters);

  // All state by name: "step", "learning_rate", "momentum/hidden.weight", ... Of several Variables
  // that were given under one name the second is "hidden.weight#2", and so on.
  nn::NamedVariables state() const;
  // Restores what state() gave; Variables are known by their names when they are next given, in the
  // same order. Throws ValueError for the state of another kind of optimizer, naming both, and for
  // names that are none; ShapeError, also in the next apply(), where a shape does not fit. Nothing
  // is changed then.
  void load_state(const nn::StateMap& values);

 private:
  // What Variables share that were always updated together.
  struct Count {
    Variable updates;   // i64
    Variable gathered;  // the weight of what accumulate() added; undefined before the first time
  };
  // What is known of one Variable.
  struct Entry {
    std::weak_ptr<VariableCell> cell;
    std::string name;      // unique
    bool waiting = false;  // came from load_state(); its Variable was not met since
    std::shared_ptr<Count> count;
    std::map<std::string, Variable> slots;
  };
  using Entries = std::vector<Entry*>;

  // The parameters that no group freezes, with what is known of each.
  struct Changing {
    nn::NamedVariables parameters;
    Tensors gradients;
    std::vector<int> groups;  // -1: none
    Entries entries;
  };

  void update(const nn::NamedVariables& parameters, const Tensors& gradients,
              const AccumulateOptions& options, const nn::VisitFn* module);
  Changing changing(const nn::NamedVariables& parameters, const Tensors& gradients);
  struct NameIndex;  // made for one look at a list of parameters, when one of them is new
  NameIndex index_names();
  Entry& entry_of(const nn::NamedVariable& parameter, std::optional<NameIndex>& index);
  Entry& new_entry(const nn::NamedVariable& parameter, NameIndex& index);
  Entries entries_of_each(const nn::NamedVariables& parameters);
  // The entries of parameters, with counts that these share with no others.
  Entries entries_of(const nn::NamedVariables& parameters);
  void part_counts(const Entries& entries);
  static Variable& slot(Entry& entry, const std::string& name, const Spec& spec, double initial);
  int group_of(const std::string& name) const;  // -1: none
  void check_groups(const nn::NamedVariables& parameters, const nn::VisitFn* module);
  Tensors take_accumulated(const Changing& all, const AccumulateOptions& options);
  void examine(const nn::NamedVariables& parameters, const Tensors& gradients);
  void clip(Tensors& gradients) const;
  Tensor current_rate(const Tensor& step);
  // A number for all that a traced step has read of the options.
  std::uint64_t options_number() const;
  void options_changed() { setting_.set(options_number()); }

  std::unique_ptr<UpdateRule> rule_;
  Schedule schedule_;
  double weight_decay_ = 0;
  double clip_norm_ = 0;
  double clip_value_ = 0;
  double average_ = 0;
  bool check_gradients_ = true;
  std::vector<Group> groups_;
  std::vector<Variable> group_factors_;  // their rates, as data
  std::vector<bool> group_used_;         // some parameter belonged to it
  Variable step_;
  Variable rate_;
  Variable factor_;
  Variable kind_;                      // "rule/adam", for checkpoints
  Variable non_finite_;                // place in examined_ of a bad gradient, or -1
  std::vector<std::string> examined_;  // parameters by place, of all lists that were examined
  std::vector<std::unique_ptr<Entry>> entries_;
  std::unordered_map<const VariableCell*, Entry*> by_cell_;
  std::uint64_t structure_ = 0;  // rises when counts part or begin to gather
  Setting setting_;
};

// The square root of the sum of the squares of all elements as {scale, root}: it is scale * root,
// neither of which over- or underflows where the elements do not. Scalars, f64 when a tensor is,
// else f32.
std::pair<Tensor, Tensor> norm_parts(const Tensors& tensors);

}  // namespace nacre::optim
