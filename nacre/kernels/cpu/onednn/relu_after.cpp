#include "nacre/kernels/cpu/onednn/relu_after.h"

#include "nacre/base/threads.h"
#include "nacre/kernels/cpu/elementwise/elementwise_tiles.h"
#include "nacre/kernels/cpu/work.h"

namespace nacre::cpu {

ReluAfter::ReluAfter(const Spec& result, int threads)
    : dtype_(result.dtype),
      count_(result.elements()),
      workers_(
          workers_for(microseconds_to_move(2.0 * static_cast<double>(result.bytes())), threads)) {}

void ReluAfter::operator()(void* result) const {
  constexpr std::int64_t kLeast = 4096;
  parallel_for(workers_, count_, kLeast, [&](std::int64_t begin, std::int64_t end) {
    if (dtype_ == f32) {
      static const TileFn relu = find_tile(Op::relu, f32);
      float* const at = static_cast<float*>(result) + begin;
      const void* const in[] = {at};
      relu(in, at, static_cast<std::size_t>(end - begin), 0, nullptr);
      return;
    }
    // What is negative and no NaN, by its bits.
    auto* const bits = static_cast<std::uint16_t*>(result);
    for (std::int64_t i = begin; i < end; ++i) {
      const bool cut = bits[i] >= 0x8000u && bits[i] <= 0xFF80u;
      bits[i] = cut ? std::uint16_t{0} : bits[i];
    }
  });
}

}  // namespace nacre::cpu
