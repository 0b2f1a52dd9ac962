// 16-bit floats where only f32 has a kernel: the operands are widened in scratch, the kernel of f32
// runs, and its results are rounded.
#include <algorithm>

#include "nacre/base/threads.h"
#include "nacre/kernels/backend.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/kernels.h"
#include "nacre/kernels/cpu/work.h"
#include "nacre/ops/define/emit.h"

namespace nacre::cpu {
namespace {

bool is_narrow(const Spec& spec) { return spec.dtype == bf16 || spec.dtype == f16; }

SpecList widened(std::span<const Spec> specs) {
  SpecList wide(specs);
  for (Spec& spec : wide) {
    if (is_narrow(spec)) spec.dtype = f32;
  }
  return wide;
}

// An operand of 16-bit floats and its place in scratch.
struct Copy {
  std::size_t operand;
  std::size_t offset;  // bytes
  std::int64_t elements;
  TileFn cast;
};

struct Widened {
  PreparedKernel kernel;
  std::vector<Copy> before;
  std::vector<Copy> after;
  std::size_t operands;
  int workers;

  // Elements of 2 bytes at `narrow` and of 4 at `wide`, in the direction of the cast.
  void move(const Copy& copy, char* narrow, char* wide, bool widen) const {
    parallel_for(workers, copy.elements, 1024, [&](std::int64_t begin, std::int64_t end) {
      const void* from = widen ? narrow + 2 * begin : wide + 4 * begin;
      char* to = widen ? wide + 4 * begin : narrow + 2 * begin;
      copy.cast(&from, to, static_cast<std::size_t>(end - begin), 0, nullptr);
    });
  }

  void operator()(void* const* pointers, const RunContext& context) const {
    InlineVector<void*, 16> own(std::span<void* const>(pointers, operands));
    char* scratch = static_cast<char*>(context.scratch);
    for (const Copy& copy : before) {
      own[copy.operand] = scratch + copy.offset;
      move(copy, static_cast<char*>(pointers[copy.operand]), scratch + copy.offset, true);
    }
    for (const Copy& copy : after) own[copy.operand] = scratch + copy.offset;
    kernel.run(kernel.state.get(), &own[0], context);
    for (const Copy& copy : after) {
      move(copy, static_cast<char*>(pointers[copy.operand]), scratch + copy.offset, false);
    }
  }
};

PreparedKernel prepare_widened(const KernelQuery& q) {
  const SpecList inputs = widened(q.inputs);
  const SpecList outputs = widened(q.outputs);
  Widened w{prepare_kernel({q.op, q.attrs, inputs, outputs, q.threads}, cpu_backend()),
            {},
            {},
            q.inputs.size() + q.outputs.size(),
            1};
  // The kernel's own scratch comes first, then the copies.
  std::size_t end = (w.kernel.scratch_bytes + 63) / 64 * 64;
  double bytes = 0;
  const auto add = [&](std::vector<Copy>& copies, std::size_t operand, const Spec& spec,
                       TileFn cast) {
    copies.push_back({operand, end, spec.elements(), cast});
    end += (static_cast<std::size_t>(spec.elements()) * 4 + 63) / 64 * 64;
    bytes += 6 * static_cast<double>(spec.elements());
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (is_narrow(q.inputs[i])) add(w.before, i, q.inputs[i], find_cast(q.inputs[i].dtype, f32));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!is_narrow(q.outputs[i])) continue;
    add(w.after, inputs.size() + i, q.outputs[i], find_cast(f32, q.outputs[i].dtype));
  }
  w.workers = workers_for(microseconds_to_move(bytes), q.threads);
  return make_kernel(std::move(w), end);
}

bool supports_widened(const KernelQuery& q) {
  if (std::none_of(q.inputs.begin(), q.inputs.end(), is_narrow) || q.inputs.size() > 8)
    return false;
  const SpecList inputs = widened(q.inputs);
  const SpecList outputs = widened(q.outputs);
  return has_kernel({q.op, q.attrs, inputs, outputs, q.threads}, cpu_backend());
}

constexpr KernelRow row_of(Op op) { return {op, "widened", supports_widened, prepare_widened}; }

constexpr KernelRow kRows[] = {
    row_of(Op::normalize),
    row_of(Op::normalize_backward),
    row_of(Op::max_pool),
    row_of(Op::max_pool_backward),
    row_of(Op::max_pool_gather),
    row_of(Op::avg_pool),
    row_of(Op::avg_pool_backward),
    row_of(Op::attention),
    row_of(Op::attention_backward),
    row_of(Op::softmax_cross_entropy),
    row_of(Op::softmax_cross_entropy_backward),
    row_of(Op::conv),
    row_of(Op::conv_backward_input),
    row_of(Op::conv_backward_weights),
    row_of(Op::resize),
    row_of(Op::resize_backward),
    row_of(Op::take_pixels),
    row_of(Op::scatter_pixels),
    row_of(Op::dropout),
};

}  // namespace

std::span<const KernelRow> widened_kernels() { return kRows; }

}  // namespace nacre::cpu
