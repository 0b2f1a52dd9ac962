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
    if (v.defined()) out.push_back({name, v.cell()});
  });
  visit(walk);
  return out;
}

NamedVariables collect_parameters(const VisitFn& visit) {
  NamedVariables all = collect_state(visit);
  std::erase_if(all, [](const NamedVariable& v) { return !v.cell->trainable; });
  return all;
}

void name_layers(const VisitFn& visit) {
  Walk walk([](const std::string& name, Variable& v) { v.set_name(name); });
  visit(walk);
}

void set_trainable(const VisitFn& visit, bool trainable) {
  Walk walk([&](const std::string&, Variable& v) {
    if (!v.defined() || is_floating(v.spec().dtype)) v.set_trainable(trainable);
  });
  visit(walk);
}

StateMap values_of(const NamedVariables& variables) {
  StateMap out;
  for (const NamedVariable& v : variables) out.emplace(v.name, v.cell->value);
  return out;
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
