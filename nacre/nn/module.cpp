#include "nacre/nn/module.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/base/text.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string join(std::string_view prefix, std::string_view name, char separator) {
  std::string out(prefix);
  if (!out.empty() && !name.empty()) out += separator;
  out += name;
  return out;
}

// Calls f(full name, variable) and gives each layer its scope on the way.
class Walk final : public ModuleVisitor {
 public:
  explicit Walk(std::function<void(const std::string&, Variable&)> f) : f_(std::move(f)) {}

  void variable(std::string_view name, Variable& variable) override {
    f_(join(places_.back().name, name, '.'), variable);
  }
  void enter(std::string_view name, LayerBase* layer) override {
    const Place& outer = places_.back();
    Place place{join(outer.name, name, '.'), ""};
    // A member of a list is called "dense_2", which says more than "2".
    const std::string own = layer && is_number(name)
                                ? fmt::format("{}_{}", lower(layer->kind()), name)
                                : std::string(name);
    const std::string scope = join(outer.scope, own, '/');
    if (layer) {
      layer->set_scope(scope);
    } else {
      place.scope = scope;
    }
    places_.push_back(std::move(place));
  }
  void leave() override { places_.pop_back(); }

 private:
  struct Place {
    std::string name;
    std::string scope;  // since the last layer, which opens a scope of its own when called
  };
  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }
  std::function<void(const std::string&, Variable&)> f_;
  std::vector<Place> places_{{}};
};

std::vector<std::string> keys(const StateMap& state) {
  std::vector<std::string> out;
  for (const auto& [name, value] : state) out.push_back(name);
  return out;
}

}  // namespace

std::string_view next_member_name(std::string_view& names) {
  const std::size_t comma = names.find(',');
  std::string_view name = names.substr(0, comma);
  names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  while (!name.empty() && (name.back() == ' ' || name.back() == '_')) name.remove_suffix(1);
  return name;
}

NamedVariables collect_state(const VisitFn& visit) {
  NamedVariables out;
  Walk walk([&](const std::string& name, Variable& v) {
    v.set_name(name);
    v.adopt();
    if (v.defined()) out.push_back({name, v.cell()});
  });
  visit(walk);
  return out;
}

NamedVariables collect_parameters(const VisitFn& visit) {
  NamedVariables all = collect_state(visit);
  std::erase_if(all, [](const NamedVariable& v) { return !is_trainable(v.cell); });
  return all;
}

void name_layers(const VisitFn& visit) {
  Walk walk([](const std::string& name, Variable& v) {
    v.set_name(name);
    v.adopt();
  });
  visit(walk);
}

void set_trainable(const VisitFn& visit, bool trainable) {
  Walk walk([&](const std::string&, Variable& v) {
    if (!v.defined() || is_floating(v.spec().dtype)) v.set_trainable(trainable);
  });
  visit(walk);
}

bool name_matches(std::string_view pattern, std::string_view text) {
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

std::string names_hint(std::string_view pattern, const std::vector<std::string>& names) {
  if (names.empty()) return "; there are none";
  std::string near = did_you_mean(pattern, names);
  if (!near.empty()) return near;
  constexpr std::size_t kMostNames = 6;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    list += (i > 0 ? ", \"" : "\"") + names[i] + '"';
  }
  return "; there are " + list + (names.size() > kMostNames ? ", ..." : "");
}

void set_trainable(const VisitFn& visit, std::string_view pattern, bool trainable) {
  bool found = false;
  std::vector<std::string> names;
  Walk walk([&](const std::string& name, Variable& v) {
    names.push_back(name);
    if (!name_matches(pattern, name)) return;
    found = true;
    if (!v.defined() || is_floating(v.spec().dtype)) v.set_trainable(trainable);
  });
  visit(walk);
  if (found) return;
  throw ValueError(
      fmt::format("set_trainable: no variable matches \"{}\"{}\n  hint: \"{}*\" "
                  "would take all whose names begin so",
                  pattern, names_hint(pattern, names), pattern));
}

StateMap values_of(const NamedVariables& variables) {
  StateMap out;
  for (const NamedVariable& v : variables) out.emplace(v.name, v.cell->value);
  return out;
}

namespace {

NamedVariables weights_of(const VisitFn& visit) {
  NamedVariables all = collect_state(visit);
  std::erase_if(all, [](const NamedVariable& v) { return !is_floating(v.cell->value.dtype()); });
  return all;
}

}  // namespace

Tensors get_weights(const VisitFn& visit) {
  Tensors out;
  for (const NamedVariable& v : weights_of(visit)) out.push_back(v.cell->value);
  return out;
}

void set_weights(const VisitFn& visit, const Tensors& weights) {
  const NamedVariables all = weights_of(visit);
  if (all.size() != weights.size()) {
    throw ValueError(fmt::format("set_weights: the module has {} weights, {} came{}", all.size(),
                                 weights.size(),
                                 all.empty() ? "\n  hint: layers make theirs when they are first "
                                               "called: call the module once before"
                                             : ""));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (weights[i].shape() == all[i].cell->value.shape()) continue;
    throw ShapeError(fmt::format("set_weights: \"{}\" is {}, weight {} is {}", all[i].name,
                                 to_string(all[i].cell->value.spec()), i,
                                 to_string(weights[i].spec())));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    assign(all[i].cell, weights[i].to(all[i].cell->value.dtype()));
  }
}

void load_state(const VisitFn& visit, const StateMap& state, bool strict) {
  std::vector<std::pair<VariableRef, Tensor>> found;
  std::size_t used = 0;
  std::map<std::string, bool> names;
  Walk walk([&](const std::string& name, Variable& v) {
    names.emplace(name, true);
    const auto it = state.find(name);
    if (it == state.end()) {
      if (!strict || !v.defined()) return;
      throw ValueError(fmt::format("load_state: nothing is named \"{}\"{}", name,
                                   did_you_mean(name, keys(state))));
    }
    ++used;
    if (v.defined() && !(v.shape() == it->second.shape())) {
      throw ShapeError(fmt::format("load_state: \"{}\" is {} in the model and {} in the state",
                                   name, to_string(v.spec()), to_string(it->second.spec())));
    }
    Tensor value = it->second;
    if (v.defined() && value.dtype() != v.spec().dtype) value = value.to(v.spec().dtype);
    found.emplace_back(v.cell(), std::move(value));
  });
  visit(walk);
  if (!strict && used == 0 && !state.empty()) {
    std::vector<std::string> own;
    for (const auto& [name, value] : names) own.push_back(name);
    throw ValueError(fmt::format("load_state: not one of the {} names fits, such as \"{}\"{}",
                                 state.size(), state.begin()->first,
                                 names_hint(state.begin()->first, own)));
  }
  if (strict && used < state.size()) {
    for (const auto& [name, value] : state) {
      if (names.count(name) == 0) {
        throw ValueError(fmt::format("load_state: the model has nothing named \"{}\"", name));
      }
    }
  }
  for (const auto& [cell, value] : found) assign(cell, value);
}

}  // namespace nacre::nn
