// Kernels: the ways to compute an op. A row says what it supports and prepares a bound step; the
// first row of the table that supports a case is used, the op's reference when none does.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "nacre/ops/define/op_def.h"

namespace nacre {

// What a running step may use beside its operands.
struct RunContext {
  int threads = 1;          // at most this many, for this step
  void* scratch = nullptr;  // as many bytes as the step's scratch_bytes, 64-byte aligned
};

// `pointers`: the inputs, then the outputs. Runs without allocation, lock or shape check.
using RunFn = void (*)(const void* state, void* const* pointers, const RunContext& context);

// A kernel bound to specs and attributes.
struct PreparedKernel {
  RunFn run = nullptr;
  std::shared_ptr<const void> state;
  std::size_t scratch_bytes = 0;
  // Inputs whose memory output 0 may take over (bit i: input i) when it has the same size.
  std::uint32_t in_place = 0;
  // Every output, not only output 0, may take over a marked input of its own spec (one each): the
  // kernel reads element i of all its inputs before it writes element i of any output.
  bool in_place_each = false;
  std::string_view name;
};

// What a kernel is asked for.
struct KernelQuery {
  Op op;
  const Attrs& attrs;
  std::span<const Spec> inputs;
  std::span<const Spec> outputs;
  int threads;  // the most it will be run with
};

struct KernelRow {
  Op op;
  std::string_view name;  // "onednn", "highway", "direct", ...
  bool (*supports)(const KernelQuery&);
  PreparedKernel (*prepare)(const KernelQuery&);
};

// Wraps a callable f(pointers, context) as a kernel's run function and state.
template <class F>
PreparedKernel make_kernel(F f, std::size_t scratch_bytes = 0, std::uint32_t in_place = 0) {
  auto state = std::make_shared<const F>(std::move(f));
  return {.run = [](const void* s, void* const* pointers,
                    const RunContext& context) { (*static_cast<const F*>(s))(pointers, context); },
          .state = std::move(state),
          .scratch_bytes = scratch_bytes,
          .in_place = in_place,
          .name = {}};
}

class Backend;  // kernels/backend.h

// The backend's kernel for a query. With `reference_only` always the op's reference. Pointers it
// will be run with are of the backend's memory.
PreparedKernel prepare_kernel(const KernelQuery& query, const Backend& backend,
                              bool reference_only = false);
// Whether the backend has another one than the reference.
bool has_kernel(const KernelQuery& query, const Backend& backend);
// The backend's rows for an op, best first; for the generated documentation and the tests.
std::span<const KernelRow* const> kernel_rows(Op op, const Backend& backend);

// The same of the current backend.
PreparedKernel prepare_kernel(const KernelQuery& query, bool reference_only = false);
bool has_kernel(const KernelQuery& query);

}  // namespace nacre
