// Transforms of functions beyond the gradient: products with Jacobians and Hessians, and these
// matrices themselves. All work on concrete tensors, within traced functions and nested.
#pragma once

#include <functional>

#include "nacre/run/grad.h"

namespace nacre {
namespace detail {

using TensorFunction = std::function<Tensors(const Tensors&)>;

struct Pullback {
  Tensors outputs;
  std::function<Tensors(const Tensors& cotangents)> run;
};
Pullback pullback(const TensorFunction& f, const Tensors& inputs);
std::pair<Tensors, Tensors> jvp(const TensorFunction& f, const Tensors& inputs,
                                const Tensors& tangents, const Location& at);
Tensors hvp(const TensorFunction& f, const Tensors& inputs, const Tensors& vectors,
            const Location& at);
// One tensor an input, of shape output + input; f has one output.
Tensors jacobian(const TensorFunction& f, const Tensors& inputs);

// A function of nests as one of flat lists; the nest of its result goes to `structure`.
template <class F, class X, class Y>
TensorFunction flat_function(F& f, const X& x, std::shared_ptr<Y>& structure) {
  return [&f, &x, &structure](const Tensors& inputs) {
    structure = std::make_shared<Y>(call_with(f, rebuild(x, inputs)));
    return flat(*structure);
  };
}
template <class F, class X>
using ResultOf = std::decay_t<decltype(call_with(
    std::declval<F&>(), rebuild(std::declval<const X&>(), std::declval<Tensors>())))>;

}  // namespace detail

// {f(x), pullback}: pullback(ct), with ct of the nest of f(x), gives the gradient of the sum of
// ct * f(x) in the nest of x. x is a tensor or nest; a tuple is spread when f takes its parts. The
// pullback may be called many times.
template <class F, class X>
auto vjp(F f, const X& x) {
  using Y = detail::ResultOf<F, X>;
  std::shared_ptr<Y> structure;
  detail::Pullback back = detail::pullback(detail::flat_function(f, x, structure), flat(x));
  auto pull = [run = std::move(back.run), x](const Y& cotangents) {
    return rebuild(x, run(flat(cotangents)));
  };
  return std::pair(rebuild(*structure, back.outputs), std::move(pull));
}

// {f(x), J v}: the derivative of f at x in the direction v, which has the nest and specs of x
// (ShapeError, DTypeError). Computed as the gradient of a vector-Jacobian product with respect to
// its cotangent, in which it is linear; f's gradient rules must be differentiable themselves.
template <class F, class X>
auto jvp(F f, const X& x, const X& v, const Location& at = std::source_location::current()) {
  using Y = detail::ResultOf<F, X>;
  std::shared_ptr<Y> structure;
  const auto [out, tangents] =
      detail::jvp(detail::flat_function(f, x, structure), flat(x), flat(v), at);
  return std::pair(rebuild(*structure, out), rebuild(*structure, tangents));
}

// H v for the Hessian H of a scalar function f at x, without forming H; v has the nest of x.
template <class F, class X>
auto hvp(F f, const X& x, const X& v, const Location& at = std::source_location::current()) {
  using Y = detail::ResultOf<F, X>;
  std::shared_ptr<Y> structure;
  return rebuild(x, detail::hvp(detail::flat_function(f, x, structure), flat(x), flat(v), at));
}

// jacobian(f)(x): d f(x)[i...] / d x[j...] as a tensor of shape f(x).shape + x.shape. f gives one
// tensor; for a nest x the result is a nest of such tensors. One reverse pass an output element.
template <class F>
auto jacobian(F f) {
  return [f = std::move(f)]<class X>(const X& x) {
    using Y = detail::ResultOf<const F, X>;
    static_assert(std::is_same_v<Y, Tensor>, "jacobian: f must return one tensor");
    std::shared_ptr<Y> structure;
    return rebuild(x, detail::jacobian(detail::flat_function(f, x, structure), flat(x)));
  };
}

// hessian(f)(x): the second derivatives of a scalar function of one tensor, of shape
// x.shape + x.shape.
template <class F>
auto hessian(F f) {
  return [g = jacobian(grad(std::move(f)))](const Tensor& x) { return g(x); };
}

}  // namespace nacre
