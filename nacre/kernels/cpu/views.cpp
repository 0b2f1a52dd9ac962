// Views that could not be aliased (a user's output buffer, say): a plain copy.
#include <cstring>

#include "nacre/kernels/cpu/kernels.h"

namespace nacre::cpu {
namespace {

bool supports_any(const KernelQuery&) { return true; }

PreparedKernel prepare_copy(const KernelQuery& q) {
  return make_kernel(
      [bytes = q.outputs[0].bytes(), out = q.inputs.size()](void* const* pointers,
                                                            const RunContext&) {
        if (pointers[0] != pointers[out] && bytes > 0) {
          std::memcpy(pointers[out], pointers[0], bytes);
        }
      },
      0, 1);
}

constexpr KernelRow kRows[] = {
    {Op::reshape, "copy", supports_any, prepare_copy},
    {Op::identity, "copy", supports_any, prepare_copy},
    {Op::stop_gradient, "copy", supports_any, prepare_copy},
    {Op::custom_gradient, "copy", supports_any, prepare_copy},
    {Op::optimization_barrier, "copy", supports_any, prepare_copy},
};

}  // namespace

std::span<const KernelRow> view_kernels() { return kRows; }

}  // namespace nacre::cpu
