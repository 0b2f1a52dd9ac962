#include "nacre/kernels/registry.h"

#include <fmt/format.h>

#include "nacre/base/debug.h"
#include "nacre/kernels/cpu/simd/instruction_set.h"
#include "nacre/kernels/poison.h"
#include "nacre/kernels/tables.h"

namespace nacre {
namespace {

// All rows by op, built once.
const std::vector<std::vector<const KernelRow*>>& rows_by_op() {
  static const auto table = [] {
    cpu::limit_instruction_set();
    std::vector<std::vector<const KernelRow*>> by_op(kOpCount);
    for (const auto& rows : kernel_tables()) {
      for (const KernelRow& row : rows) by_op[static_cast<std::size_t>(row.op)].push_back(&row);
    }
    return by_op;
  }();
  return table;
}

// The first row that takes the query, or null.
const KernelRow* find_row(const KernelQuery& query) {
  for (const KernelRow* row : rows_by_op()[static_cast<std::size_t>(query.op)]) {
    if (row->supports(query)) return row;
  }
  return nullptr;
}

PreparedKernel prepare_reference(const KernelQuery& q) {
  const OpDef& def = op_def(q.op);
  if (!def.reference) throw InternalError(fmt::format("{}: no kernel and no reference", def.name));
  PreparedKernel kernel =
      make_kernel([run = def.reference, attrs = q.attrs, in = SpecList(q.inputs),
                   out = SpecList(q.outputs)](void* const* pointers, const RunContext&) {
        run({attrs, in, out, pointers, pointers + in.size()});
      });
  kernel.name = "reference";
  return kernel;
}

}  // namespace

PreparedKernel prepare_kernel(const KernelQuery& query, bool reference_only) {
  const KernelRow* const row = reference_only ? nullptr : find_row(query);
  PreparedKernel kernel = row ? row->prepare(query) : prepare_reference(query);
  if (row) kernel.name = row->name;
  return debug_flags().poison ? poisoned(std::move(kernel), query) : kernel;
}

bool has_kernel(const KernelQuery& query) { return find_row(query) != nullptr; }

std::vector<const KernelRow*> kernel_rows(Op op) {
  return rows_by_op()[static_cast<std::size_t>(op)];
}

}  // namespace nacre
