// What compile() keeps for each combination of input specs: the traced graph and its plan.
#pragma once

#include <list>

#include "nacre/plan/plan.h"
#include "nacre/run/compile.h"
#include "nacre/run/mode.h"
#include "nacre/run/trace_session.h"

namespace nacre {

struct PlanEntry {
  std::size_t key = 0;  // of the arguments' structure
  std::vector<Spec> arguments;
  Backend* backend = nullptr;
  MemorySpace* space = nullptr;  // its memory
  int threads = 1;
  Mode mode = Mode::not_said;
  // What else was read: Variables (those in `asked` also for their flags) and settings.
  struct Watched {
    VariableRef cell;
    std::uint32_t moves;
  };
  struct Asked {
    VariableRef cell;
    bool trainable;
    bool defined;
  };
  std::vector<Watched> watched;
  std::vector<Asked> asked;
  TraceSession::Settings settings;
  std::vector<VariableRef> reads;  // inputs after the arguments
  std::vector<Spec> read_specs;
  std::vector<VariableRef> writes;  // results after the function's own
  std::vector<Spec> results;
  std::size_t own_results = 0;
  std::shared_ptr<void> structure;  // of the function's result
  Graph traced;
  std::unique_ptr<Plan> plan;
  // Memory of the next replay; kept, so that a call allocates nothing but its results.
  std::vector<void*> in_pointers;
  std::vector<void*> out_pointers;
  Tensors moved;  // arguments that came from another memory
  std::vector<VariableRef> updated_in_place;
  // Those that change before the first parameter does (step counts, statistics, random state), with
  // room for what they were: a replay that fails puts it back.
  struct Kept {
    std::size_t read;  // in `reads`
    std::size_t offset;
  };
  std::vector<Kept> kept;
  Buffer kept_bytes;

  bool matches(std::size_t wanted_key, const Tensors& given) const;
  // A Variable it used was replaced: it can never serve again.
  bool outdated() const;
};

// Traces, optimises and plans. The function sees symbols; nothing of the program's state changes.
PlanEntry make_plan_entry(std::size_t key, const Tensors& arguments, const CompileOptions& options,
                          CompiledFunction::TraceFn trace, void* user);

// One step of the plan with these arguments; the function's own results come back in `results`.
void replay(PlanEntry& entry, const Tensors& arguments, Tensors& results);

// The same `repeats` times with a clock.
ProfileReport profile_entry(PlanEntry& entry, const Tensors& arguments, int repeats);

}  // namespace nacre
