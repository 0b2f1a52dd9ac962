// custom_vjp: a function with a gradient rule of the user's. checkpoint: a function whose values
// are computed again in the backward pass instead of being kept.
#pragma once

#include "nacre/ops/define/custom.h"
#include "nacre/run/transforms.h"

namespace nacre {
namespace detail {

// Runs f on inputs that hide it from differentiation and attaches the rule to its outputs.
Tensors with_rule(const TensorFunction& f, const Tensors& inputs, const GradientRule& rule,
                  const Location& at);
// Runs f, keeping its inputs and the Variables it reads; its rule runs f again.
Tensors checkpointed(const TensorFunction& f, const Tensors& inputs, const Location& at);

template <class F, class... Args>
using ResultOfCall = std::decay_t<decltype(std::apply(
    std::declval<F&>(),
    rebuild(std::declval<const std::tuple<Args...>&>(), std::declval<const Tensors&>())))>;

// f(args...) through `run`, which calls f as a function of flat lists once or more.
template <class F, class... Args, class Run>
auto call_flat(const std::shared_ptr<F>& f, const std::tuple<Args...>& args, Run&& run) {
  using Y = ResultOfCall<F, Args...>;
  using Skeleton = decltype(rebuild(std::declval<const Y&>(), std::declval<const Tensors&>()));
  const Tensors inputs = flat(args);
  // Only nests are kept, with undefined tensors: a rule lives in the trace, and values of the trace
  // in a rule would keep both alive for ever.
  auto structure = std::make_shared<std::shared_ptr<Skeleton>>();
  const auto nest = rebuild(args, Tensors(inputs.size()));
  const Tensors out = run(
      [f, nest, structure](const Tensors& values) {
        const Y result = std::apply(*f, rebuild(nest, values));
        Tensors all = flat(result);
        *structure = std::make_shared<Skeleton>(rebuild(result, Tensors(all.size())));
        return all;
      },
      inputs);
  return rebuild(**structure, out);
}

}  // namespace detail

// custom_vjp(f, rule)(args...) gives f(args...), a tensor or nest; args are tensors, Variables or
// nests of them. Differentiated, f's inside is not looked at: rule(inputs, outputs, cotangents),
// with the flat lists of args, results and arriving gradients, gives a gradient for each input (an
// undefined tensor for zero). Variables that f reads but does not take as arguments get zeros.
// Throws ShapeError when the rule's gradients do not fit the inputs.
template <class F>
auto custom_vjp(F f, GradientRule rule, const Location& at = std::source_location::current()) {
  return [ f = std::make_shared<F>(std::move(f)), rule = std::move(rule),
           at ]<Nest... Args>(const Args&... args) {
    return detail::call_flat(f, std::tuple<Args...>(args...),
                             [&](const detail::TensorFunction& run, const Tensors& inputs) {
                               return detail::with_rule(run, inputs, rule, at);
                             });
  };
}

// checkpoint(f)(args...) gives f(args...) and keeps only args: in the backward pass f runs again on
// them and on the values that the Variables it reads had before (random generators too, so that
// dropout repeats). Gradients reach the arguments and these Variables. Assignments of Variables
// within f take effect once. Chen et al., "Training deep nets with sublinear memory cost", 2016.
// f is copied and must not change from call to call.
template <class F>
auto checkpoint(F f, const Location& at = std::source_location::current()) {
  return [ f = std::make_shared<F>(std::move(f)), at ]<Nest... Args>(const Args&... args) {
    return detail::call_flat(f, std::tuple<Args...>(args...),
                             [&](const detail::TensorFunction& run, const Tensors& inputs) {
                               return detail::checkpointed(run, inputs, at);
                             });
  };
}

}  // namespace nacre
