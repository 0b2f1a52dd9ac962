// Plan: a graph bound to kernels and memory once, to be replayed many times.
#pragma once

#include <memory>
#include <string>

#include "nacre/kernels/registry.h"
#include "nacre/plan/memory_plan.h"

namespace nacre {

// One bound kernel call. `pointers` holds the inputs, then the outputs.
struct Step {
  RunFn run;
  const void* state;
  void* const* pointers;
  RunContext context;
};

struct PlanOptions {
  int threads = 1;
  bool reference_only = false;  // use the oracle kernels, to find a wrong fast one
};

// Not safe to replay from two threads at once: the arena is one.
class Plan {
 public:
  Plan(const Graph& graph, const PlanOptions& options);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // Runs all steps. `arguments` and `results` point to memory of the graph's argument and result
  // specs; results may not overlap arguments. Allocates nothing.
  void replay(std::span<void* const> arguments, std::span<void* const> results);

  const Graph& graph() const { return graph_; }
  const MemoryPlan& memory() const { return memory_; }
  std::size_t step_count() const { return steps_.size(); }
  // Bytes this plan holds: arena, scratch, constants.
  std::size_t bytes() const { return arena_.bytes() + scratch_.bytes() + constant_bytes_; }
  // One step a line: kernel, operands with their places in memory.
  std::string to_text() const;

 private:
  struct Patch {
    std::size_t pointer;   // index in pointers_
    std::size_t argument;  // which argument it follows
  };
  struct CopyOut {
    const void* from;  // or null: from an argument
    std::size_t argument;
    std::size_t result;
    std::size_t bytes;
  };
  void bind(const PlanOptions& options);

  Graph graph_;
  MemoryPlan memory_;
  Buffer arena_;
  Buffer scratch_;
  std::size_t constant_bytes_ = 0;
  std::vector<PreparedKernel> kernels_;
  std::vector<NodeId> step_nodes_;
  std::vector<Step> steps_;
  std::vector<void*> pointers_;
  std::vector<Patch> patches_;
  std::vector<CopyOut> copies_;
  int threads_ = 1;
};

}  // namespace nacre
