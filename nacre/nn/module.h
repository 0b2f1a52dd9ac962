// Modules: any type with plain members that lists those that hold parameters.
//
//   struct Mlp {
//     nn::Dense hidden{{.units = 32, .activation = relu}};
//     nn::Dense output{{.units = 10}};
//     NACRE_MODULE(hidden, output)
//     Tensor operator()(const Operand& x) { return output(hidden(x)); }
//   };
//
// Copying a module copies its parameters; names are those of a PyTorch state dict:
// "hidden.weight".
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nacre/run/grad.h"
#include "nacre/run/mode.h"
#include "nacre/run/variable.h"

namespace nacre::nn {

class LayerBase;

// Visits the members of a module.
class ModuleVisitor {
 public:
  virtual ~ModuleVisitor() = default;
  virtual void variable(std::string_view name, Variable& variable) = 0;
  // A module or a list begins and ends; `layer` is null for what is not a layer of the library.
  virtual void enter(std::string_view, LayerBase*) {}
  virtual void leave() {}
};

// The LayerBase that speaks for a member, or null.
template <class M>
LayerBase* layer_base_of(M& member) {
  if constexpr (requires { member.base(); }) {
    return member.base();
  } else if constexpr (std::is_base_of_v<LayerBase, M>) {
    return &member;
  } else {
    return nullptr;
  }
}

template <class M>
concept VisitableModule = requires(M& m, ModuleVisitor& v) {
  m.visit(v);
};

inline void visit_member(ModuleVisitor& visitor, std::string_view name, Variable& member) {
  visitor.variable(name, member);
}
template <VisitableModule M>
void visit_member(ModuleVisitor& visitor, std::string_view name, M& member) {
  visitor.enter(name, layer_base_of(member));
  member.visit(visitor);
  visitor.leave();
}
template <class List>
void visit_list(ModuleVisitor& visitor, std::string_view name, List& list) {
  visitor.enter(name, nullptr);
  std::size_t i = 0;
  for (auto& item : list) visit_member(visitor, std::to_string(i++), item);
  visitor.leave();
}
template <class T>
void visit_member(ModuleVisitor& visitor, std::string_view name, std::vector<T>& members) {
  visit_list(visitor, name, members);
}
template <class T, std::size_t N>
void visit_member(ModuleVisitor& visitor, std::string_view name, std::array<T, N>& members) {
  visit_list(visitor, name, members);
}
template <class T>
void visit_member(ModuleVisitor& visitor, std::string_view name, std::optional<T>& member) {
  if (member) visit_member(visitor, name, *member);
}

// The next of the comma-separated names, which it takes off the front.
std::string_view next_member_name(std::string_view& names);

template <class... Members>
void visit_members(ModuleVisitor& visitor, std::string_view names, Members&... members) {
  (visit_member(visitor, next_member_name(names), members), ...);
}

// The one line that registers members: Variables, layers, modules, and lists of these.
#define NACRE_MODULE(...)                                                 \
  void visit(::nacre::nn::ModuleVisitor& nacre_visitor) {                 \
    ::nacre::nn::visit_members(nacre_visitor, #__VA_ARGS__, __VA_ARGS__); \
  }

// A variable of a module under its full name; a handle, not a copy.
struct NamedVariable {
  std::string name;
  VariableRef cell;

  Variable variable() const { return Variable::of(cell); }
  Tensor value() const { return read(cell); }
};
using NamedVariables = std::vector<NamedVariable>;
// Weights by name, as a file holds them.
using StateMap = std::map<std::string, Tensor>;

using VisitFn = std::function<void(ModuleVisitor&)>;
// All variables that exist so far, in the order of registration; names the layers and variables.
NamedVariables collect_state(const VisitFn& visit);
NamedVariables collect_parameters(const VisitFn& visit);
void name_layers(const VisitFn& visit);
void load_state(const VisitFn& visit, const StateMap& state, bool strict);

template <VisitableModule M>
VisitFn visit_fn(M& module) {
  return [&module](ModuleVisitor& v) { module.visit(v); };
}

// What training changes. Layers make their parameters at the first call: before it, there are none
// unless their sizes were given.
template <VisitableModule M>
NamedVariables parameters(M& module) {
  return collect_parameters(visit_fn(module));
}
// Parameters, frozen ones included, and buffers (statistics of batch normalisation, random state).
template <VisitableModule M>
NamedVariables state(M& module) {
  return collect_state(visit_fn(module));
}
// The values of state(), by name.
StateMap values_of(const NamedVariables& variables);

// Sets variables from values by name; layers that were not called yet take their sizes from them.
// `strict` (default): throws ValueError when a name is missing or left over (with the nearest
// one), ShapeError when a shape differs; nothing is changed then. Otherwise only when not one name
// fits.
template <VisitableModule M>
void load_state(M& module, const StateMap& values, bool strict = true) {
  load_state(visit_fn(module), values, strict);
}

// The values of state() without names, in order, without whole numbers (counts, random state): what
// Keras calls weights.
Tensors get_weights(const VisitFn& visit);
template <VisitableModule M>
Tensors get_weights(M& module) {
  return get_weights(visit_fn(module));
}
// Sets them. Throws ValueError for another number of tensors, ShapeError for another shape; nothing
// is changed then.
void set_weights(const VisitFn& visit, const Tensors& weights);
template <VisitableModule M>
void set_weights(M& module, const Tensors& weights) {
  set_weights(visit_fn(module), weights);
}

// Makes all variables of a module trainable or not; of layers that were not called yet too.
void set_trainable(const VisitFn& visit, bool trainable);
template <VisitableModule M>
void set_trainable(M& module, bool trainable) {
  set_trainable(visit_fn(module), trainable);
}
// Those whose names match, * standing for any characters: "features.*". Throws ValueError, with the
// names there are, when none does.
void set_trainable(const VisitFn& visit, std::string_view pattern, bool trainable);
template <VisitableModule M>
void set_trainable(M& module, std::string_view pattern, bool trainable) {
  set_trainable(visit_fn(module), pattern, trainable);
}
// Whether a name fits a pattern, in which * stands for any run of characters.
bool name_matches(std::string_view pattern, std::string_view name);
// " did you mean ..." or the first names, for an error about a pattern that fits none of them.
std::string names_hint(std::string_view pattern, const std::vector<std::string>& names);

}  // namespace nacre::nn

namespace nacre {

// Gradients by a module are those by its parameters: value_and_grad(f, net)(args...).
template <nn::VisitableModule M>
struct VariablesOf<M> {
  static std::vector<VariableRef> list(M& module) {
    std::vector<VariableRef> out;
    for (const nn::NamedVariable& p : nn::parameters(module)) out.push_back(p.cell);
    return out;
  }
};

using nn::set_trainable;

}  // namespace nacre
