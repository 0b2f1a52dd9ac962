// compile(f): traces f once for each combination of input specs, plans it, and replays the plan.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "nacre/base/callable.h"
#include "nacre/run/nest.h"
#include "nacre/run/precision.h"

namespace nacre {

struct CompileOptions {
  // Beyond these numbers of plans or bytes the least recently used plans are dropped; one stays.
  std::size_t cached_plans = 16;
  std::size_t cached_bytes = std::size_t{2} << 30;
  Precision precision = Precision::f32;
  bool optimize = true;         // false: no passes, each op as written
  bool reference_only = false;  // the slow kernels that define what is right
};

struct CompileStatistics {
  std::size_t traces = 0;
  std::size_t replays = 0;
  std::size_t evictions = 0;
  std::size_t plans = 0;       // held now
  std::size_t plan_bytes = 0;  // of those
};

struct ProfileReport;  // run/profile.h

// The untyped core of compile(): a function of flat lists of tensors. Calls from several threads
// take turns.
class CompiledFunction {
 public:
  using Function = std::function<Tensors(const Tensors&)>;
  explicit CompiledFunction(Function function, CompileOptions options = {});

  // Throws what the function throws while it is traced, and TraceError for traced arguments of
  // another, finished trace; ValueError for an empty function. `key` is what else the function
  // depends on: each has plans of its own.
  Tensors operator()(const Tensors& arguments, std::size_t key = 0);

  CompileStatistics statistics() const;
  // Of the last used plan, "" before the first call: the graph as traced and after the passes, the
  // plan; as text and for Graphviz.
  std::string trace_text() const;
  std::string graph_text() const;
  std::string plan_text() const;
  std::string trace_dot() const;
  std::string graph_dot() const;
  std::string plan_dot() const;
  // Drops all plans.
  void clear();

  // For Compiled: one call with its arguments flattened into a list that is reused.
  using TraceFn = Tensors (*)(void* user, const Tensors& symbols, std::shared_ptr<void>& structure);
  class Call {
   public:
    explicit Call(CompiledFunction& function);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    Tensors& arguments();
    // Finds or makes the plan for the arguments and `key` and replays it; returns the structure
    // that `trace` gave when the plan was made.
    const void* run(std::size_t key, TraceFn trace, void* user);
    const Tensors& results() const;
    // Replays it `repeats` times, timing each step; restores the Variables afterwards.
    void profile(std::size_t key, TraceFn trace, void* user, int repeats, ProfileReport& report);

   private:
    struct State;
    CompiledFunction& function_;
    const std::shared_ptr<void> keep_;
  };

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// Whether calls of compiled functions on this thread are part of something bigger: another function
// that is being traced, or what a gradient tape records. They run as written then.
bool calls_are_inlined();

// Counts nested inlined calls; throws TraceError when a compiled function calls itself without end.
class InlineCall {
 public:
  InlineCall();
  ~InlineCall();
  InlineCall(const InlineCall&) = delete;
  InlineCall& operator=(const InlineCall&) = delete;
};

// A compiled function with f's own signature. Arguments and results may be tensors and nests
// (vector, array, pair, tuple, map) of them; numbers, enumerators and strings as arguments are
// constants of the plan: each value has its own. Variables that f reads or assigns are inputs and
// outputs of the plan; an assigned one is updated in its own memory unless somebody else holds the
// old value. f is traced again when what it read has changed: which Variables are trainable, the
// mode, the number of threads, options of an optimizer, a layer that was replaced; plain members
// of the program's own modules are read while tracing only. Within another compiled function and
// under an eager GradientTape f runs as written. Throws what tracing f throws; TraceError where f
// looks at the value of a tensor. An error while the plan runs, such as an index out of range,
// leaves all Variables as they were, or says which ones have new values already.
template <class F>
class Compiled {
 public:
  // Throws ValueError for an empty std::function.
  Compiled(F f, CompileOptions options) : state_(std::make_shared<State>(std::move(f), options)) {
    require_callable(state_->f, "compile");
  }

  template <class... Args>
  auto operator()(const Args&... args) const {
    using Result = std::invoke_result_t<F&, const Args&...>;
    if (calls_are_inlined()) {
      const InlineCall scope;
      if constexpr (std::is_void_v<Result>) {
        state_->f(args...);
        return;
      } else {
        return as_tensors(state_->f(args...));
      }
    } else {
      const std::tuple<const Args&...> like(args...);
      Traced<Args...> traced{&state_->f, &like};
      CompiledFunction::Call call(state_->compiled);
      (flatten(args, call.arguments()), ...);
      const void* structure = call.run(nest_key(args...), &trace<Result, Args...>, &traced);
      if constexpr (!std::is_void_v<Result>) {
        using Out = decltype(as_tensors(std::declval<Result>()));
        std::size_t next = 0;
        return rebuild(*static_cast<const Out*>(structure), call.results(), next);
      }
    }
  }

  // Times each step of one call (see nacre::profile).
  template <class... Args>
  void profile(int repeats, ProfileReport& report, const Args&... args) const {
    using Result = std::invoke_result_t<F&, const Args&...>;
    const std::tuple<const Args&...> like(args...);
    Traced<Args...> traced{&state_->f, &like};
    CompiledFunction::Call call(state_->compiled);
    (flatten(args, call.arguments()), ...);
    call.profile(nest_key(args...), &trace<Result, Args...>, &traced, repeats, report);
  }

  CompiledFunction& function() const { return state_->compiled; }

 private:
  struct State {
    State(F function, CompileOptions options)
        : f(std::move(function)), compiled(nullptr, options) {}
    F f;
    CompiledFunction compiled;
  };
  template <class... Args>
  struct Traced {
    F* f;
    const std::tuple<const Args&...>* like;
  };

  // The result as it comes out of a plan: Variables in it become tensors.
  template <class Result>
  static auto as_tensors(Result&& result) {
    std::size_t next = 0;
    return rebuild(result, flat(result), next);
  }

  template <class Result, class... Args>
  static Tensors trace(void* user, const Tensors& symbols, std::shared_ptr<void>& structure) {
    const auto& t = *static_cast<Traced<Args...>*>(user);
    std::size_t next = 0;
    const auto symbolic = rebuild(*t.like, symbols, next);
    Tensors out;
    if constexpr (std::is_void_v<Result>) {
      std::apply(*t.f, symbolic);
    } else {
      const auto result = std::apply(*t.f, symbolic);
      flatten(result, out);
      // Only the nest is kept, with undefined tensors: the symbols would keep the trace alive.
      next = 0;
      auto nest = rebuild(result, Tensors(out.size()), next);
      structure = std::make_shared<decltype(nest)>(std::move(nest));
    }
    return out;
  }

  std::shared_ptr<State> state_;
};

template <class F>
Compiled<F> compile(F f, CompileOptions options = {}) {
  return Compiled<F>(std::move(f), options);
}

}  // namespace nacre
