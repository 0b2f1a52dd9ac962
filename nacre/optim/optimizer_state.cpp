// What an optimizer keeps of each Variable, how it is copied, saved and restored.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "nacre/ops/api.h"
#include "nacre/optim/optimizer.h"
#include "nacre/run/trace_session.h"

namespace nacre::optim {
namespace {

constexpr std::string_view kRule = "rule/";
constexpr std::string_view kGroupRate = "group_rate/";
constexpr std::string_view kUpdates = "updates";
constexpr std::string_view kGathered = "accumulated_weight";
constexpr const char* kStep = "step";
constexpr const char* kRate = "learning_rate";
constexpr const char* kFactor = "rate_factor";

bool same_cell(const std::weak_ptr<VariableCell>& a, const VariableRef& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

// Whether an entry of this name is that of a Variable called so: "weight", "weight#2".
bool is_name_of(std::string_view entry, std::string_view parameter) {
  if (!entry.starts_with(parameter)) return false;
  entry.remove_prefix(parameter.size());
  return entry.empty() || entry.front() == '#';
}

void expect_fits(const std::string& slot, const std::string& name, const Shape& shape,
                 const Tensor& value) {
  if (value.shape() == shape) return;
  throw ShapeError(
      fmt::format("optimizer: \"{}\" of \"{}\" is {} in the restored state, the "
                  "parameter is {}",
                  slot, name, to_string(value.spec()), to_string(shape)));
}

// What a saved state holds.
struct Saved {
  struct Parameter {
    std::map<std::string, Tensor> slots;
    std::int64_t updates = 0;
    double gathered = -1;  // below 0: nothing
  };
  std::map<std::string, Parameter> parameters;
  std::map<std::size_t, Tensor> group_rates;  // by the number of the group
  std::map<std::string, Tensor> scalars;      // kStep, kRate, kFactor
};

void expect_rule(const std::string& saved, const std::string& ours) {
  if (saved == ours) return;
  throw ValueError(
      fmt::format("optimizer: the state is that of \"{}\", this optimizer is "
                  "\"{}\"\n  hint: go on with the optimizer it was saved from, or "
                  "load the weights alone",
                  saved, ours));
}

std::size_t group_number(const std::vector<Group>& groups, const std::string& match) {
  const auto group =
      std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.match == match; });
  if (group == groups.end()) {
    throw ValueError(
        fmt::format("optimizer: the state has the rate of a group \"{}\", which "
                    "this optimizer does not have",
                    match));
  }
  return static_cast<std::size_t>(group - groups.begin());
}

// "momentum/hidden.weight" as what is kept and of which parameter.
std::pair<std::string, std::string> kept_and_parameter(const std::string& key) {
  const auto slash = key.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == key.size()) {
    throw ValueError(
        fmt::format("optimizer: \"{}\" is no name of an optimizer's state; such are "
                    "\"step\" and \"momentum/hidden.weight\"",
                    key));
  }
  return {key.substr(0, slash), key.substr(slash + 1)};
}

// Sorts a saved state. Throws ValueError for what is not of this rule and these groups.
Saved read_saved(const nn::StateMap& values, const std::string& rule,
                 const std::vector<Group>& groups) {
  Saved saved;
  for (const auto& [key, value] : values) {
    if (key.starts_with(kRule)) {
      expect_rule(key.substr(kRule.size()), rule);
    } else if (key.starts_with(kGroupRate)) {
      saved.group_rates.emplace(group_number(groups, key.substr(kGroupRate.size())), value);
    } else if (key == kStep || key == kRate || key == kFactor) {
      saved.scalars.emplace(key, value);
    } else {
      const auto [what, name] = kept_and_parameter(key);
      Saved::Parameter& parameter = saved.parameters[name];
      if (what == kUpdates) {
        parameter.updates = value.item<std::int64_t>();
      } else if (what == kGathered) {
        parameter.gathered = value.item<double>();
      } else {
        parameter.slots.emplace(what, value);
      }
    }
  }
  // States of before updates were counted for each Variable.
  const auto step = saved.scalars.find(kStep);
  const std::int64_t steps = step == saved.scalars.end() ? 0 : step->second.item<std::int64_t>();
  for (auto& [name, parameter] : saved.parameters) {
    if (values.count(std::string(kUpdates) + "/" + name) == 0) parameter.updates = steps;
  }
  return saved;
}

// Slots that stay keep their Variables, which a compiled step may have read.
void restore_slots(std::map<std::string, Variable>& slots,
                   const std::map<std::string, Tensor>& saved, const std::string& parameter) {
  std::erase_if(slots, [&](const auto& s) { return saved.count(s.first) == 0; });
  for (const auto& [what, value] : saved) {
    const auto known = slots.find(what);
    if (known != slots.end() && known->second.spec() == value.spec()) {
      known->second.assign(value);
    } else {
      slots.insert_or_assign(what, Variable(value, what + "/" + parameter, false));
    }
  }
}

}  // namespace

Optimizer::Optimizer(const Optimizer& other)
    : rule_(other.rule_->clone()),
      schedule_(other.schedule_),
      weight_decay_(other.weight_decay_),
      clip_norm_(other.clip_norm_),
      clip_value_(other.clip_value_),
      average_(other.average_),
      check_gradients_(other.check_gradients_),
      groups_(other.groups_),
      group_factors_(other.group_factors_),
      group_used_(other.group_used_),
      step_(other.step_),
      rate_(other.rate_),
      factor_(other.factor_),
      kind_(other.kind_),
      non_finite_(other.non_finite_),
      examined_(other.examined_),
      structure_(other.structure_) {
  std::map<Count*, std::shared_ptr<Count>> counts;
  for (const auto& entry : other.entries_) {
    auto copy = std::make_unique<Entry>(*entry);
    if (entry->count) {
      std::shared_ptr<Count>& count = counts[entry->count.get()];
      if (!count) count = std::make_shared<Count>(*entry->count);
      copy->count = count;
    }
    if (const VariableRef cell = copy->cell.lock()) by_cell_[cell.get()] = copy.get();
    entries_.push_back(std::move(copy));
  }
}

Optimizer& Optimizer::operator=(const Optimizer& other) {
  if (this != &other) *this = Optimizer(other);
  return *this;
}

Variable& Optimizer::slot(Entry& entry, const std::string& name, const Spec& spec, double initial) {
  const auto found = entry.slots.find(name);
  if (found != entry.slots.end()) {
    expect_fits(name, entry.name, spec.shape, found->second.cell()->value);
    return found->second;
  }
  return entry.slots
      .emplace(name,
               Variable(full(spec.shape, initial, spec.dtype), name + "/" + entry.name, false))
      .first->second;
}

// The names of entries, for looking many parameters up at once.
struct Optimizer::NameIndex {
  std::unordered_set<std::string> taken;
  std::unordered_map<std::string, int> last;  // the number given last to a name that was taken
  // Those that wait, by each name that their Variable may have; the first in order last.
  std::unordered_map<std::string, std::vector<Entry*>> waiting;
};

Optimizer::NameIndex Optimizer::index_names() {
  // What belonged to Variables that are gone makes room.
  std::erase_if(entries_, [&](const auto& e) { return !e->waiting && e->cell.expired(); });
  NameIndex index;
  std::unordered_set<const Entry*> all;
  for (const auto& e : entries_) {
    all.insert(e.get());
    index.taken.insert(e->name);
    if (!e->waiting) continue;
    index.waiting[e->name].push_back(e.get());
    for (std::size_t at = e->name.find('#'); at != e->name.npos; at = e->name.find('#', at + 1)) {
      index.waiting[e->name.substr(0, at)].push_back(e.get());
    }
  }
  std::erase_if(by_cell_, [&](const auto& known) { return !all.contains(known.second); });
  for (auto& [name, list] : index.waiting) {
    std::sort(list.begin(), list.end(), [](const Entry* x, const Entry* y) {
      return std::pair(y->name.size(), y->name) < std::pair(x->name.size(), x->name);
    });
  }
  return index;
}

Optimizer::Entry& Optimizer::new_entry(const nn::NamedVariable& parameter, NameIndex& index) {
  // Names stay apart when a module is given under the name that another has.
  std::string name = parameter.name;
  while (!index.taken.insert(name).second) {
    int& number = index.last.try_emplace(parameter.name, 1).first->second;
    name = fmt::format("{}#{}", parameter.name, ++number);
  }
  entries_.push_back(std::make_unique<Entry>());
  entries_.back()->name = std::move(name);
  return *entries_.back();
}

Optimizer::Entry& Optimizer::entry_of(const nn::NamedVariable& parameter,
                                      std::optional<NameIndex>& index) {
  const auto known = by_cell_.find(parameter.cell.get());
  if (known != by_cell_.end() && same_cell(known->second->cell, parameter.cell)) {
    known->second->waiting = false;
    return *known->second;
  }
  if (!index) index = index_names();
  // Of "weight", "weight#2", ... the first that waits: Variables are met in the order of old.
  std::vector<Entry*>& waiting = index->waiting[parameter.name];
  while (!waiting.empty() && !waiting.back()->waiting) waiting.pop_back();
  Entry& entry = waiting.empty() ? new_entry(parameter, *index) : *waiting.back();
  for (const auto& [name, value] : entry.slots) {
    expect_fits(name, entry.name, parameter.cell->value.shape(), value.cell()->value);
  }
  entry.waiting = false;
  entry.cell = parameter.cell;
  by_cell_[parameter.cell.get()] = &entry;
  return entry;
}

Optimizer::Entries Optimizer::entries_of(const nn::NamedVariables& parameters) {
  const auto waits = [](const auto& e) { return e->waiting; };
  const auto met = [](const auto& e) { return !e->waiting; };
  // The first step after load_state().
  const bool restored = std::any_of(entries_.begin(), entries_.end(), waits) &&
                        std::none_of(entries_.begin(), entries_.end(), met);
  if (restored && !parameters.empty()) {
    std::vector<std::string> names;
    bool fits = false;
    for (const auto& e : entries_) {
      names.push_back(e->name);
      fits = fits || std::any_of(parameters.begin(), parameters.end(),
                                 [&](const auto& p) { return is_name_of(e->name, p.name); });
    }
    if (!fits) {
      throw ValueError(fmt::format(
          "optimizer: the restored state has nothing for \"{}\" nor any "
          "other of these {} parameters{}",
          parameters[0].name, parameters.size(), nn::names_hint(parameters[0].name, names)));
    }
  }
  Entries entries = entries_of_each(parameters);
  part_counts(entries);
  return entries;
}

Optimizer::Entries Optimizer::entries_of_each(const nn::NamedVariables& parameters) {
  Entries entries;
  std::optional<NameIndex> index;
  for (const nn::NamedVariable& p : parameters) entries.push_back(&entry_of(p, index));
  return entries;
}

// Gives the entries counts that no other entry has a part in: those of Variables that are not
// updated this time must not rise. Entries that were never updated share a new one.
void Optimizer::part_counts(const Entries& entries) {
  std::map<Count*, std::size_t> here;
  for (Entry* entry : entries) ++here[entry->count.get()];
  std::map<Count*, std::size_t> everywhere;
  for (const auto& entry : entries_) ++everywhere[entry->count.get()];
  std::map<Count*, std::shared_ptr<Count>> fresh;
  for (Entry* entry : entries) {
    Count* old = entry->count.get();
    if (old && here[old] == everywhere[old]) continue;
    std::shared_ptr<Count>& count = fresh[old];
    if (!count) {
      count = std::make_shared<Count>();
      const auto copy = [&](const Variable& from, Variable& to) {
        to = Variable(from.cell()->value, from.name(), false);
        // The trace under way has changed it before: the copy follows, once.
        TraceSession* session = TraceSession::current();
        if (session && session->assigned(from.cell())) to.assign(from.value());
      };
      if (old) {
        copy(old->updates, count->updates);
        if (old->gathered.defined()) copy(old->gathered, count->gathered);
        ++structure_;
      } else {
        count->updates = Variable(zeros({}, i64), "updates", false);
      }
    }
    entry->count = count;
  }
}

nn::NamedVariables Optimizer::state() const {
  nn::NamedVariables out{{std::string(kRule) + name(), kind_.cell()},
                         {kStep, step_.cell()},
                         {kRate, rate_.cell()},
                         {kFactor, factor_.cell()}};
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    out.push_back({std::string(kGroupRate) + groups_[i].match, group_factors_[i].cell()});
  }
  for (const auto& entry : entries_) {
    if (!entry->waiting && entry->cell.expired()) continue;
    const auto add = [&](std::string_view what, const Variable& v) {
      out.push_back({fmt::format("{}/{}", what, entry->name), v.cell()});
    };
    if (entry->count) {
      add(kUpdates, entry->count->updates);
      if (entry->count->gathered.defined()) add(kGathered, entry->count->gathered);
    }
    for (const auto& [name, variable] : entry->slots) add(name, variable);
  }
  return out;
}

void Optimizer::load_state(const nn::StateMap& values) {
  // Everything is looked at before anything changes.
  const Saved saved = read_saved(values, name(), groups_);
  for (const auto& entry : entries_) {
    const auto found = saved.parameters.find(entry->name);
    const VariableRef cell = entry->cell.lock();
    if (found == saved.parameters.end() || !cell) continue;
    for (const auto& [what, value] : found->second.slots) {
      expect_fits(what, entry->name, cell->value.shape(), value);
    }
  }
  const auto assign = [&](const char* key, Variable& variable) {
    const auto found = saved.scalars.find(key);
    if (found != saved.scalars.end()) variable.assign(found->second);
  };
  assign(kStep, step_);
  assign(kRate, rate_);
  assign(kFactor, factor_);
  for (const auto& [group, value] : saved.group_rates) {
    group_factors_[group].assign(value);
    groups_[group].rate_factor = value.item<double>();
  }
  // Variables that are known keep their entries unless others of their names come first; what the
  // state does not have is forgotten.
  std::erase_if(entries_, [&](const auto& e) { return saved.parameters.count(e->name) == 0; });
  std::unordered_map<std::string, Entry*> by_name;
  std::unordered_set<const Entry*> all;
  for (const auto& e : entries_) {
    by_name.emplace(e->name, e.get());
    all.insert(e.get());
  }
  std::erase_if(by_cell_, [&](const auto& known) { return !all.contains(known.second); });
  std::map<std::pair<std::int64_t, double>, std::shared_ptr<Count>> counts;
  for (const auto& [name, parameter] : saved.parameters) {
    Entry*& entry = by_name[name];
    if (!entry) {
      entry = entries_.emplace_back(std::make_unique<Entry>()).get();
      entry->name = name;
    }
    entry->waiting = true;
    restore_slots(entry->slots, parameter.slots, name);
    std::shared_ptr<Count>& count = counts[{parameter.updates, parameter.gathered}];
    if (!count) {
      count = std::make_shared<Count>();
      count->updates = Variable(Tensor::scalar(parameter.updates, i64), "updates", false);
      if (parameter.gathered >= 0) {
        count->gathered = Variable(Tensor::scalar(parameter.gathered, f64), "gathered", false);
      }
    }
    entry->count = count;
  }
  ++structure_;  // of the counts
  options_changed();
}

}  // namespace nacre::optim
