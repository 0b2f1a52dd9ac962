// grad(f), value_and_grad(f): functions that give derivatives of functions.
#pragma once

#include <map>
#include <tuple>
#include <utility>

#include "nacre/base/callable.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/run/nest.h"
#include "nacre/run/tape.h"

namespace nacre {

// The Variables of a Variable, of lists of them, and of anything that has parameters().
inline std::vector<VariableRef> variable_refs(const Variable& v) { return {v.cell()}; }
inline std::vector<VariableRef> variable_refs(const VariableRef& v) { return {v}; }
template <class T>
std::vector<VariableRef> variable_refs(const std::vector<T>& list);
template <class K, class T>
std::vector<VariableRef> variable_refs(const std::map<K, T>& map);
template <class T>
requires requires(const T& t) { t.parameters(); }
std::vector<VariableRef> variable_refs(const T& module) {
  return variable_refs(module.parameters());
}
template <class T>
std::vector<VariableRef> variable_refs(const std::vector<T>& list) {
  std::vector<VariableRef> out;
  for (const T& t : list) {
    const auto part = variable_refs(t);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}
template <class K, class T>
std::vector<VariableRef> variable_refs(const std::map<K, T>& map) {
  std::vector<VariableRef> out;
  for (const auto& [key, t] : map) {
    const auto part = variable_refs(t);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}
template <class T>
concept HasVariables = requires(const T& t) {
  { variable_refs(t) } -> std::same_as<std::vector<VariableRef>>;
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
// The present values of Variables, watched; undefined for those that have none yet.
Tensors watch_variables(GradientTape& tape, const std::vector<VariableRef>& cells);
// The gradients with respect to them; those that got their value meanwhile included.
Tensors variable_gradients(GradientTape& tape, const Tensor& loss,
                           const std::vector<VariableRef>& cells, Tensors values);

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

// value_and_grad(f, variables)(args...) gives {f(args...), gradients}: with respect to a Variable
// (one tensor) or to a list of Variables or VariableRefs or a module (tensors in their order).
// Variables that f does not use get zeros.
template <class F, HasVariables V>
auto value_and_grad(F f, const V& variables) {
  require_callable(f, "value_and_grad");
  return [f = std::move(f), cells = variable_refs(variables)](const auto&... args) {
    GradientTape tape;
    Tensors values = detail::watch_variables(tape, cells);
    auto value = f(args...);
    detail::require_scalar(detail::loss_of(value));
    Tensors gradients =
        detail::variable_gradients(tape, detail::loss_of(value), cells, std::move(values));
    if constexpr (std::is_same_v<V, Variable>) {
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
template <class F, HasVariables V>
auto grad(F f, const V& variables) {
  return [vg = value_and_grad(std::move(f), variables)](const auto&... args) {
    return vg(args...).second;
  };
}

}  // namespace nacre
