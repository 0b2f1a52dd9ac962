#include "nacre/kernels/registry.h"

#include <fmt/format.h>

#include "nacre/base/debug.h"
#include "nacre/kernels/backend.h"
#include "nacre/kernels/poison.h"

namespace nacre {
namespace {

// The first row that takes the query, or null.
const KernelRow* find_row(const KernelQuery& query, const Backend& backend) {
  for (const KernelRow* row : backend.rows(query.op)) {
    if (row->supports(query)) return row;
  }
  return nullptr;
}

// A reference between copies of its operands in the host's memory.
struct ReferenceOnHost {
  ReferenceFn reference;
  Attrs attrs;
  SpecList in;
  SpecList out;
  MemorySpace* space;

  void operator()(void* const* pointers, const RunContext&) const {
    const BackendScope here(cpu_backend());
    std::vector<Buffer> memory;
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    for (std::size_t i = 0; i < in.size(); ++i) {
      memory.push_back(Buffer::allocate(in[i].bytes()));
      space->to_host(memory.back().data(), pointers[i], in[i].bytes());
      inputs.push_back(memory.back().data());
    }
    for (const Spec& spec : out) {
      memory.push_back(Buffer::allocate(spec.bytes()));
      outputs.push_back(memory.back().data());
    }
    reference({attrs, in, out, inputs.data(), outputs.data()});
    for (std::size_t i = 0; i < out.size(); ++i) {
      space->from_host(pointers[in.size() + i], outputs[i], out[i].bytes());
    }
  }
};

PreparedKernel prepare_reference(const KernelQuery& q, MemorySpace& space) {
  const OpDef& def = op_def(q.op);
  if (!def.reference) throw InternalError(fmt::format("{}: no kernel and no reference", def.name));
  PreparedKernel kernel;
  if (space.host_reads()) {
    kernel = make_kernel([run = def.reference, attrs = q.attrs, in = SpecList(q.inputs),
                          out = SpecList(q.outputs)](void* const* pointers, const RunContext&) {
      run({attrs, in, out, pointers, pointers + in.size()});
    });
  } else {
    kernel = make_kernel(
        ReferenceOnHost{def.reference, q.attrs, SpecList(q.inputs), SpecList(q.outputs), &space});
  }
  kernel.name = "reference";
  return kernel;
}

}  // namespace

std::unique_ptr<Replay> Backend::bind(std::span<const Step>) const { return nullptr; }

PreparedKernel prepare_kernel(const KernelQuery& query, const Backend& backend,
                              bool reference_only) {
  const KernelRow* const row = reference_only ? nullptr : find_row(query, backend);
  MemorySpace& space = backend.memory();
  PreparedKernel kernel = row ? row->prepare(query) : prepare_reference(query, space);
  if (row) kernel.name = row->name;
  return debug_flags().poison ? poisoned(std::move(kernel), query, space) : kernel;
}

bool has_kernel(const KernelQuery& query, const Backend& backend) {
  return find_row(query, backend) != nullptr;
}

std::span<const KernelRow* const> kernel_rows(Op op, const Backend& backend) {
  return backend.rows(op);
}

PreparedKernel prepare_kernel(const KernelQuery& query, bool reference_only) {
  return prepare_kernel(query, current_backend(), reference_only);
}

bool has_kernel(const KernelQuery& query) { return has_kernel(query, current_backend()); }

}  // namespace nacre
