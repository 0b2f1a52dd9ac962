// grad(f), value_and_grad(f): functions that give derivatives of functions.
#pragma once

#include <tuple>
#include <utility>

#include "nacre/ops/elementwise.h"
#include "nacre/run/nest.h"
#include "nacre/run/tape.h"

namespace nacre {

// value_and_grad(f)(x, rest...) gives {f(x, rest...), df/dx}: the gradient has the nest of the
// first argument (a tensor, or a vector, array, pair, tuple or map of them). f returns a scalar
// tensor.
template <class F>
auto value_and_grad(F f) {
  return [f = std::move(f)]<class X, class... Rest>(const X& x, const Rest&... rest) {
    Tensors flat;
    flatten(x, flat);
    // Each differentiated tensor gets an identity of its own, so that passing one twice is fine.
    for (Tensor& t : flat) t = identity(t);
    GradientTape tape;
    for (const Tensor& t : flat) tape.watch(t);
    std::size_t next = 0;
    const auto own = rebuild(x, flat, next);
    Tensor value = f(own, rest...);
    next = 0;
    auto gradient = rebuild(x, tape.gradient(value, flat), next);
    return std::pair(std::move(value), std::move(gradient));
  };
}

// The gradient alone.
template <class F>
auto grad(F f) {
  return [vg = value_and_grad(std::move(f))]<class X, class... Rest>(
             const X& x, const Rest&... rest) { return vg(x, rest...).second; };
}

}  // namespace nacre
