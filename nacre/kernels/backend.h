// Backend: what computes. Its memory, its kernels, the passes that suit them, how a plan is run
// again and again, and what is known of its speed. The CPU is one (kernels/cpu/backend.cpp); all
// that is true of the CPU alone stands behind it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/base/memory_space.h"
#include "nacre/graph/graph.h"
#include "nacre/kernels/registry.h"

namespace nacre {

// What plans are asked for, as far as passes care.
struct PassOptions {
  bool bfloat16 = false;  // products and convolutions of f32 in bf16
  bool fuse = true;       // elementwise regions as one node
};

// A pass that a backend wants after those that all share: one of the library by its name
// (passes/pipeline.h), or, with `run`, one of its own.
struct Lowering {
  std::string_view name;
  Graph (*run)(const Graph&) = nullptr;
};

// What passes and plans decide by.
struct BackendFacts {
  // Rough speeds of one thread, to choose thread counts with.
  double operations_per_microsecond = 20e3;
  double bytes_per_microsecond = 8e3;
  // Bounds of a fused region.
  std::size_t most_fused_inputs = 12;
  std::size_t most_fused_outputs = 8;
  std::size_t most_fused_instructions = 40;
  // Where products in bf16 pay: multiplications of one, operations for each element that is rounded
  // or widened, channels on either side of a convolution.
  double least_bfloat16_products = 0;
  double least_operations_a_cast = 0;
  std::int64_t least_bfloat16_channels = 1;
};

// One bound kernel call. `pointers` holds the inputs, then the outputs; they are changed between
// replays, where they stand stays.
struct Step {
  RunFn run;
  const void* state;
  void* const* pointers;
  RunContext context;
};

// The steps of a plan in a form of the backend's own: a queue, a captured graph.
class Replay {
 public:
  virtual ~Replay() = default;
  // Runs all steps, or queues them. `at` is the step that runs; after an exception that which
  // threw.
  virtual void run(std::size_t& at) = 0;
};

// One object for each backend; it lives as long as the program.
class Backend {
 public:
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  virtual std::string_view name() const = 0;
  virtual MemorySpace& memory() const = 0;
  // The kernels for an op, best first. Where none supports a case the op's reference serves, on
  // copies in the host's memory where it has to.
  virtual std::span<const KernelRow* const> rows(Op op) const = 0;
  // In their order.
  virtual std::vector<Lowering> lower(const PassOptions& options) const = 0;
  virtual const BackendFacts& facts() const = 0;
  // Why products of bf16 would be slower than those of f32; empty where they are not.
  virtual std::string why_no_bfloat16_products() const = 0;
  // The steps of a plan, which outlive the result, to be run as one. Null: they are called one
  // after another, by the plan itself and without another call between.
  virtual std::unique_ptr<Replay> bind(std::span<const Step> steps) const;

 protected:
  Backend() = default;
  ~Backend() = default;
};

Backend& cpu_backend();

namespace detail {
inline thread_local Backend* backend_in_scope = nullptr;  // null: the CPU
}

// Where ops and compiled functions of this thread run: the CPU unless a BackendScope lives. Inputs,
// constants and Variables whose memory is elsewhere are copied to the backend's; results are
// allocated there, and Variables stay there.
inline Backend& current_backend() {
  Backend* const own = detail::backend_in_scope;
  return own ? *own : cpu_backend();
}

// Sets it for its own lifetime.
class BackendScope {
 public:
  explicit BackendScope(Backend& backend) : outer_(detail::backend_in_scope) {
    detail::backend_in_scope = &backend;
  }
  ~BackendScope() { detail::backend_in_scope = outer_; }
  BackendScope(const BackendScope&) = delete;
  BackendScope& operator=(const BackendScope&) = delete;

 private:
  Backend* outer_;
};

}  // namespace nacre
