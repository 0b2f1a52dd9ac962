#include "nacre/kernels/poison.h"

namespace nacre {
namespace {

constexpr int kPoison = 0xFF;

struct Poisoned {
  PreparedKernel inner;
  std::vector<std::size_t> inputs;  // bytes
  std::vector<std::size_t> outputs;
  MemorySpace* space;

  bool overlaps_input(const char* begin, std::size_t bytes, void* const* pointers) const {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const char* from = static_cast<const char*>(pointers[i]);
      if (begin < from + inputs[i] && from < begin + bytes) return true;
    }
    return false;
  }

  void operator()(void* const* pointers, const RunContext& context) const {
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      char* const output = static_cast<char*>(pointers[inputs.size() + k]);
      if (outputs[k] > 0 && !overlaps_input(output, outputs[k], pointers)) {
        space->fill(output, kPoison, outputs[k]);
      }
    }
    if (inner.scratch_bytes > 0) space->fill(context.scratch, kPoison, inner.scratch_bytes);
    inner.run(inner.state.get(), pointers, context);
  }
};

}  // namespace

PreparedKernel poisoned(PreparedKernel kernel, const KernelQuery& query, MemorySpace& space) {
  Poisoned wrapped{std::move(kernel), {}, {}, &space};
  for (const Spec& s : query.inputs) wrapped.inputs.push_back(s.bytes());
  for (const Spec& s : query.outputs) wrapped.outputs.push_back(s.bytes());
  PreparedKernel result = make_kernel(wrapped, wrapped.inner.scratch_bytes, wrapped.inner.in_place);
  result.in_place_each = wrapped.inner.in_place_each;
  result.name = wrapped.inner.name;
  return result;
}

}  // namespace nacre
