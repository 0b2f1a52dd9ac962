// Loops and choices as part of a compiled function. Within one, the body is traced once, whatever
// the number of steps, and runs as a plan of its own; gradients of any order run as loops again. In
// eager mode they are plain loops and branches of C++.
//
// Bodies read Variables, and what they capture, as code around them does. A Variable that a body
// assigns carries its value from step to step: generators, dropout and batch norm work as outside.
#pragma once

#include <functional>
#include <memory>

#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/run/nest.h"

namespace nacre {

struct LoopOptions {
  // The number of steps. -1: the leading axis of xs says it; without xs it must be given.
  std::int64_t length = -1;
  // From the last row to the first; row t of the results belongs to row t of xs.
  bool reverse = false;
  // Keeps the carry only every so many steps for the gradient and computes those between again (0:
  // keeps every one). With about the square root of the length, memory grows with that root while
  // the forward pass is computed twice. Chen et al., "Training deep nets with sublinear memory
  // cost", 2016.
  std::int64_t checkpoint = 0;
};

namespace detail {

struct ScanResult {
  Tensors carry;
  Tensors ys;
};
// (carry, row of xs) -> (carry, y).
using ScanBody = std::function<ScanResult(const Tensors& carry, const Tensors& x)>;
ScanResult scan(const ScanBody& body, const Tensors& init, const Tensors& xs,
                const LoopOptions& options, const Location& at);

using BranchBody = std::function<Tensors()>;
Tensors cond(const Operand& predicate, const BranchBody& then, const BranchBody& otherwise);

using WhileCond = std::function<Tensor(const Tensors& carry)>;
using WhileBody = std::function<Tensors(const Tensors& carry)>;
Tensors while_loop(const WhileCond& cond, const WhileBody& body, const Tensors& init,
                   const Location& at);

}  // namespace detail

// {last carry, ys}: (carry, ys[t]) = f(carry, xs[t]) for each row t. init and xs are tensors or
// nests of them (vector, array, pair, tuple, map); every tensor of xs has the number of steps as
// its leading axis, and of ys too. f returns a pair {carry, y}, the carry of init's nest and specs;
// y may be any nest, an empty std::tuple<> for nothing. Throws ShapeError where leading axes differ
// or the carry changes its spec, ValueError where the number of steps is not known. As
// jax.lax.scan; ONNX Scan.
template <class F, Nest C, Nest X>
auto scan(F f, const C& init, const X& xs, const LoopOptions& options = {},
          std::source_location at = std::source_location::current()) {
  using Pair = decltype(f(rebuild(init, Tensors()), rebuild(xs, Tensors())));
  using Y = std::decay_t<decltype(std::declval<Pair>().second)>;
  std::shared_ptr<Y> structure;
  const detail::ScanBody body = [&](const Tensors& carry, const Tensors& x) {
    auto [next, y] = f(rebuild(init, carry), rebuild(xs, x));
    structure = std::make_shared<Y>(std::move(y));
    return detail::ScanResult{flat(next), flat(*structure)};
  };
  const detail::ScanResult result = detail::scan(body, flat(init), flat(xs), options, at);
  return std::pair(rebuild(init, result.carry), rebuild(*structure, result.ys));
}

// The carry after carry = f(i, carry) for i = 0 ... steps - 1; i is an i64 scalar tensor.
template <class F, Nest C>
auto for_loop(std::int64_t steps, F f, const C& init, const LoopOptions& options = {},
              std::source_location at = std::source_location::current()) {
  return scan([&](const auto& carry,
                  const Tensor& i) { return std::pair(f(i, carry), std::tuple<>()); },
              init, arange(steps), options, at)
      .first;
}

// then() where the predicate, one truth value, holds, else otherwise(). Both return the same nest
// of the same specs (ShapeError). Only the chosen branch runs, also for its gradient; `where`
// chooses element by element. As jax.lax.cond; ONNX If.
template <class F, class G>
auto cond(const Operand& predicate, F then, G otherwise) {
  using Y = std::decay_t<decltype(then())>;
  std::shared_ptr<Y> structure;
  const auto flattened = [&](auto& branch) {
    return [&] {
      structure = std::make_shared<Y>(branch());
      return flat(*structure);
    };
  };
  const Tensors result = detail::cond(predicate, flattened(then), flattened(otherwise));
  return rebuild(*structure, result);
}

// The carry after: while condition(carry): carry = body(carry). The number of steps is not known
// beforehand, so a compiled one has no gradient (GradientError says so): use scan for that. As
// jax.lax.while_loop; ONNX Loop.
template <class P, class F, Nest C>
auto while_loop(P condition, F body, const C& init,
                std::source_location at = std::source_location::current()) {
  return rebuild(
      init, detail::while_loop(
                [&](const Tensors& c) { return Tensor(condition(rebuild(init, c))); },
                [&](const Tensors& c) { return flat(body(rebuild(init, c))); }, flat(init), at));
}

}  // namespace nacre
