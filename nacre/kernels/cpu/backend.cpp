// The CPU as a backend: all that is known of it beside its kernels.
#include "nacre/kernels/backend.h"

#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/simd/instruction_set.h"

namespace nacre {
namespace cpu {
namespace {

std::vector<std::span<const KernelRow>> kernel_tables() {
  return {
#define NACRE_KERNELS(table) table(),
#include "nacre/kernels/cpu/kernels.def"
#undef NACRE_KERNELS
  };
}

// All rows by op, built once.
const std::vector<std::vector<const KernelRow*>>& rows_by_op() {
  static const auto table = [] {
    limit_instruction_set();
    std::vector<std::vector<const KernelRow*>> by_op(kOpCount);
    for (const auto& rows : kernel_tables()) {
      for (const KernelRow& row : rows) by_op[static_cast<std::size_t>(row.op)].push_back(&row);
    }
    return by_op;
  }();
  return table;
}

constexpr BackendFacts kFacts = {
    .operations_per_microsecond = 20e3,
    .bytes_per_microsecond = 8e3,
    // A tile of every register of a fused region stays in cache: 4 KiB tiles, 32 registers are
    // 128 KiB at the very most, and the interpreter reuses dead ones.
    .most_fused_inputs = 12,
    .most_fused_outputs = 8,
    .most_fused_instructions = 40,
    // Below this many multiplications a cast costs more than bf16 saves.
    .least_bfloat16_products = 64.0 * 64 * 64,
    // Measured on Zen 4: 58 operations in 784 x 512 weights at batch 32 lose 15% of the step, 180
    // at batch 128 gain 30%.
    .least_operations_a_cast = 64,
    // With fewer channels a convolution is bound by memory, and rounding its images costs more than
    // the products gain (measured on Zen 4: 3 channels lose, 32 gain).
    .least_bfloat16_channels = 16,
};

class CpuBackend final : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }
  MemorySpace& memory() const override { return host_memory(); }
  std::span<const KernelRow* const> rows(Op op) const override {
    return rows_by_op()[static_cast<std::size_t>(op)];
  }
  std::vector<Lowering> lower(const PassOptions& options) const override {
    std::vector<Lowering> passes = {{"fuse_epilogues"}, {"fuse_pool_stages"}};
    if (options.bfloat16) {
      passes.push_back({"lower_to_bfloat16"});
      passes.push_back({"merge_common"});
    }
    passes.push_back({"dead_code"});
    if (options.fuse) passes.push_back({"fuse_elementwise"});
    return passes;
  }
  const BackendFacts& facts() const override { return kFacts; }
  std::string why_no_bfloat16_products() const override { return cpu::why_no_bfloat16_products(); }
};

constinit CpuBackend backend;

}  // namespace
}  // namespace cpu

Backend& cpu_backend() { return cpu::backend; }

}  // namespace nacre
