// grad(f), value_and_grad(f): functions that give derivatives of functions.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "nacre/base/callable.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/run/mode.h"
#include "nacre/run/nest.h"
#include "nacre/run/tape.h"

namespace nacre {

// What a gradient can be asked of besides tensors: VariablesOf<T>::list(t) gives the cells of its
// Variables. For Variables, their cells, modules (nn/module.h), and vectors, arrays, maps, pairs
// and tuples of these: std::tie(encoder, decoder, temperature).
template <class T>
struct VariablesOf {};
template <class T>
concept HasVariables = requires(T& t) {
  { VariablesOf<std::remove_const_t<T>>::list(t) } -> std::same_as<std::vector<VariableRef>>;
};

namespace detail {

template <class T>
void append_variables(std::vector<VariableRef>& out, T& t) {
  const auto part = VariablesOf<std::remove_const_t<T>>::list(t);
  out.insert(out.end(), part.begin(), part.end());
}
template <class List>
std::vector<VariableRef> variables_in(List& list) {
  std::vector<VariableRef> out;
  for (auto& item : list) append_variables(out, item);
  return out;
}

}  // namespace detail

template <>
struct VariablesOf<Variable> {
  static std::vector<VariableRef> list(const Variable& v) { return {v.cell()}; }
};
template <>
struct VariablesOf<VariableRef> {
  static std::vector<VariableRef> list(const VariableRef& v) { return {v}; }
};
template <HasVariables T>
struct VariablesOf<std::vector<T>> {
  static auto list(std::vector<T>& t) { return detail::variables_in(t); }
  static auto list(const std::vector<T>& t) requires HasVariables<const T> {
    return detail::variables_in(t);
  }
};
template <HasVariables T, std::size_t N>
struct VariablesOf<std::array<T, N>> {
  static auto list(std::array<T, N>& t) { return detail::variables_in(t); }
};
template <class K, HasVariables T>
struct VariablesOf<std::map<K, T>> {
  template <class Map>
  static std::vector<VariableRef> list(Map& map) {
    std::vector<VariableRef> out;
    for (auto& [key, t] : map) detail::append_variables(out, t);
    return out;
  }
};
template <class A, class B>
requires(HasVariables<std::remove_reference_t<A>>&&
             HasVariables<std::remove_reference_t<B>>) struct VariablesOf<std::pair<A, B>> {
  template <class Pair>
  static std::vector<VariableRef> list(Pair& pair) {
    std::vector<VariableRef> out;
    detail::append_variables(out, pair.first);
    detail::append_variables(out, pair.second);
    return out;
  }
};
template <class... T>
requires(HasVariables<std::remove_reference_t<T>>&&...) struct VariablesOf<std::tuple<T...>> {
  template <class Tuple>
  static std::vector<VariableRef> list(Tuple& tuple) {
    std::vector<VariableRef> out;
    std::apply([&](auto&... t) { (detail::append_variables(out, t), ...); }, tuple);
    return out;
  }
};

namespace detail {

// The loss in what a differentiated function returns: all of it, or the first of a pair.
inline const Tensor& loss_of(const Tensor& result) { return result; }
template <class Aux>
const Tensor& loss_of(const std::pair<Tensor, Aux>& result) {
  return result.first;
}
// Throws ShapeError unless the loss has one element.
void require_scalar(const Tensor& loss);
// The tensors as values of their own on the tape, so that passing one twice is fine.
Tensors watch_all(GradientTape& tape, const Tensors& tensors);
// Watches Variables from its making on, to give gradients by them, those that exist then and those
// that f makes.
class VariableWatch {
 public:
  explicit VariableWatch(const std::vector<VariableRef>& cells);
  // In the order of `cells`, which may hold more than those watched before.
  Tensors gradients(const Tensor& loss, const std::vector<VariableRef>& cells);

 private:
  GradientTape tape_;
  std::map<const VariableCell*, Tensor> values_;
};

// Asks for the Variables of something, whenever it is called: layers make theirs when they are.
using VariableList = std::function<std::vector<VariableRef>()>;
template <class V>
VariableList variable_list(V&& variables) {
  if constexpr (std::is_lvalue_reference_v<V>) {
    return [v = &variables] { return VariablesOf<std::remove_cvref_t<V>>::list(*v); };
  } else {
    return [v = std::make_shared<V>(std::move(variables))] { return VariablesOf<V>::list(*v); };
  }
}

}  // namespace detail

// value_and_grad(f)(x, rest...) gives {f(x, rest...), df/dx}: the gradient has the nest of the
// first argument (a tensor, or a vector, array, pair, tuple or map of them). f returns a scalar
// tensor (ShapeError otherwise), or a pair of it and anything else, which is handed through.
// Throws DTypeError for arguments that are not floating point; see also GradientTape::gradient.
template <class F>
auto value_and_grad(F f) {
  require_callable(f, "value_and_grad");
  return [f = std::move(f)]<class X, class... Rest>(const X& x, const Rest&... rest) {
    GradientTape tape({.watch_variables = false});
    const Tensors own = detail::watch_all(tape, flat(x));
    auto value = f(rebuild(x, own), rest...);
    detail::require_scalar(detail::loss_of(value));
    auto gradient = rebuild(x, tape.gradient(detail::loss_of(value), own));
    return std::pair(std::move(value), std::move(gradient));
  };
}

// value_and_grad(f, net)(args...) gives {f(args...), gradients} with respect to the Variables of
// `net`, as HasVariables lists them: one tensor for a single Variable, else tensors in their order,
// that of nn::parameters(net) for a module or Model, whatever f's arguments are. Variables that f
// does not use get zeros, and layers may make theirs within f. Layers train, unless a
// TrainingScope(false) says otherwise. `net` must outlive the result.
//
//   auto [loss, gradients] = value_and_grad([&](const Tensor& x, const Tensor& y) {
//     return loss::mse()(net(x), y);
//   }, net)(x, y);
//   optimizer.apply(net, gradients);
template <class F, class V>
requires HasVariables<std::remove_reference_t<V>>
auto value_and_grad(F f, V&& variables) {
  require_callable(f, "value_and_grad");
  return [f = std::move(f),
          list = detail::variable_list(std::forward<V>(variables))](const auto&... args) {
    const DefaultTraining mode;
    detail::VariableWatch watch(list());
    auto value = f(args...);
    detail::require_scalar(detail::loss_of(value));
    Tensors gradients = watch.gradients(detail::loss_of(value), list());
    if constexpr (std::is_same_v<std::remove_cvref_t<V>, Variable>) {
      return std::pair(std::move(value), std::move(gradients[0]));
    } else {
      return std::pair(std::move(value), std::move(gradients));
    }
  };
}

// The gradient alone.
template <class F>
auto grad(F f) {
  return [vg = value_and_grad(std::move(f))]<class X, class... Rest>(
             const X& x, const Rest&... rest) { return vg(x, rest...).second; };
}
template <class F, class V>
requires HasVariables<std::remove_reference_t<V>>
auto grad(F f, V&& variables) {
  return [vg = value_and_grad(std::move(f), std::forward<V>(variables))](const auto&... args) {
    return vg(args...).second;
  };
}

}  // namespace nacre
