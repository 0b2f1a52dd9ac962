// Plan: a graph bound to kernels and memory once, to be replayed many times.
#pragma once

#include <memory>
#include <string>

#include "nacre/kernels/backend.h"
#include "nacre/plan/memory_plan.h"

namespace nacre {

struct PlanOptions {
  Backend* backend = nullptr;            // null: the current one
  int threads = 1;                       // at most; what is granted of them counts
  bool reference_only = false;           // use the oracle kernels, to find a wrong fast one
  std::vector<Donation> donations = {};  // results that replace an argument
  // Every step's outputs must be finite, must be those of the reference kernel: else replay throws
  // ValueError and names the step.
  bool check_finite = false;
  bool check_reference = false;
  // The arena is filled with NaN before every replay.
  bool poison = false;
};

class Plan;

// What is known about a step without running it.
struct StepInfo {
  NodeId node;
  std::string_view kernel;
  Cost cost;
  int threads;
  std::int64_t iterations = 1;               // of a scan
  std::vector<std::shared_ptr<Plan>> plans;  // of the graphs it holds
};

// Arena, constants, arguments and results are in the memory of its backend. Not safe to replay from
// two threads at once: the arena is one.
class Plan {
 public:
  Plan(const Graph& graph, const PlanOptions& options);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // Runs all steps. `arguments` and `results` point to memory of the graph's argument and result
  // specs. Where overwrites()[r] is an argument, results[r] is not looked at: that argument's
  // memory holds the result afterwards. Other results may not overlap arguments. Allocates nothing.
  // An exception of a kernel leaves the results unspecified; failed_step() and first_writes() tell
  // which arguments were changed by then.
  void replay(std::span<void* const> arguments, std::span<void* const> results);
  // The same with the seconds each step took.
  void replay_timed(std::span<void* const> arguments, std::span<void* const> results,
                    std::span<double> seconds);

  // For each result: the argument it is written over, or -1.
  std::span<const std::int64_t> overwrites() const { return memory_.overwrites; }
  // For each argument: the first step that writes into its memory, or step_count().
  std::vector<std::size_t> first_writes() const;
  // The step that ended the last replay with an exception.
  std::size_t failed_step() const { return at_; }
  const Graph& graph() const { return graph_; }
  Backend& backend() const { return *backend_; }
  const MemoryPlan& memory() const { return memory_; }
  std::size_t step_count() const { return steps_.size(); }
  std::span<const StepInfo> steps() const { return infos_; }
  // Bytes this plan holds: arena, scratch, constants, and the plans of its loops and branches.
  std::size_t bytes() const {
    return arena_.bytes() + scratch_.bytes() + constant_bytes_ + inner_bytes_;
  }
  // One step a line: kernel, operands with their places in memory.
  std::string to_text() const;
  // The steps as a Graphviz digraph, coloured by kernel.
  std::string to_dot() const;

 private:
  // Pointers that change when the caller's memory does.
  struct Patch {
    std::uint32_t slot;  // in bound_: the arguments, then the results
    std::uint32_t pointer;
  };
  struct CopyOut {
    const void* fixed;  // or null: from a slot
    std::uint32_t from_slot;
    std::uint32_t result;
    std::size_t bytes;
  };
  void bind_kernels(const PlanOptions& options);
  void bind_memory(const PlanOptions& options);
  void* address(ValueId v);
  std::int64_t slot_of(ValueId v) const;
  void patch(std::span<void* const> arguments, std::span<void* const> results);
  void copy_out(std::span<void* const> results);
  void run_steps();
  void run_step(std::size_t step) const;
  // Throws `e` with the layer and the line that the step comes from.
  [[noreturn]] void fail_in_place(std::size_t step, const ValueError& e) const;
  void run_checked();
  void check_finite(std::size_t step) const;
  void check_reference(std::size_t step);

  Graph graph_;
  Backend* backend_;
  MemorySpace* space_;
  MemoryPlan memory_;
  Buffer arena_;
  Buffer scratch_;
  std::vector<Buffer> constants_;  // by node: the backend's copies
  std::size_t constant_bytes_ = 0;
  std::size_t inner_bytes_ = 0;
  std::vector<PreparedKernel> kernels_;  // one a step
  std::vector<StepInfo> infos_;
  std::vector<Step> steps_;
  std::unique_ptr<Replay> replay_;  // null: the steps are called here
  std::vector<void*> pointers_;
  std::vector<void*> bound_;
  std::vector<Patch> patches_;  // by slot
  std::vector<std::uint32_t> first_patch_;
  std::vector<CopyOut> copies_;
  std::size_t at_ = 0;  // the step that runs; of a replay that failed, the one that threw
  bool check_finite_ = false;
  bool check_reference_ = false;
  bool poison_ = false;
  bool checked_ = false;  // any of the three
};

}  // namespace nacre
