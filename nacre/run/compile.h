// compile(f): traces f once for each combination of input specs, plans it, and replays the plan.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "nacre/run/nest.h"

namespace nacre {

struct CompileOptions {
  std::size_t cached_plans = 16;  // the least recently used plan goes when there are more
};

struct CompileStatistics {
  std::size_t traces = 0;
  std::size_t replays = 0;
  std::size_t plans = 0;       // held now
  std::size_t plan_bytes = 0;  // of those
};

// The untyped heart of compile(): a function of flat lists of tensors.
class CompiledFunction {
 public:
  using Function = std::function<Tensors(const Tensors&)>;
  explicit CompiledFunction(Function function, CompileOptions options = {});

  Tensors operator()(const Tensors& arguments);
  CompileStatistics statistics() const;
  // The graph after tracing and after the passes, and the plan, of the last used entry, as text.
  std::string trace_text() const;
  std::string graph_text() const;
  std::string plan_text() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A compiled function with f's own signature: arguments and results may be tensors and nests
// (vector, array, pair, tuple, map) of them. Variables that f reads or assigns are inputs and
// outputs of the plan. Within another compiled function, f is simply part of that one.
// Throws what tracing f throws; TraceError where f looks at the value of a tensor.
template <class F>
class Compiled {
 public:
  Compiled(F f, CompileOptions options) : state_(std::make_shared<State>(std::move(f), options)) {}

  template <class... Args>
  auto operator()(const Args&... args) const {
    using Result = std::invoke_result_t<F&, const Args&...>;
    Tensors flat;
    (flatten(args, flat), ...);
    state_->call = [&](const Tensors& traced) {
      std::size_t next = 0;
      std::tuple<Args...> symbolic{rebuild(args, traced, next)...};
      Tensors out;
      if constexpr (std::is_void_v<Result>) {
        std::apply(state_->f, symbolic);
      } else {
        Result result = std::apply(state_->f, symbolic);
        flatten(result, out);
        state_->structure = std::make_shared<Result>(std::move(result));
      }
      return out;
    };
    const Tensors results = state_->compiled(flat);
    if constexpr (!std::is_void_v<Result>) {
      std::size_t next = 0;
      return rebuild(*std::static_pointer_cast<Result>(state_->structure), results, next);
    }
  }

  CompiledFunction& function() const { return state_->compiled; }

 private:
  struct State {
    State(F function, CompileOptions options)
        : f(std::move(function)), compiled([this](const Tensors& t) { return call(t); }, options) {}
    F f;
    std::function<Tensors(const Tensors&)> call;
    std::shared_ptr<void> structure;
    CompiledFunction compiled;
  };
  std::shared_ptr<State> state_;
};

template <class F>
Compiled<F> compile(F f, CompileOptions options = {}) {
  return Compiled<F>(std::move(f), options);
}

}  // namespace nacre
