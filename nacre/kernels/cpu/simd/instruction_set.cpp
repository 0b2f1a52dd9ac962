#include "nacre/kernels/cpu/simd/instruction_set.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hwy/targets.h"
#include "nacre/base/error.h"

namespace nacre::cpu {

void limit_instruction_set() {
  const char* const text = std::getenv("NACRE_SIMD");
  if (!text || !*text) return;
#if HWY_ARCH_X86
  const std::string_view word = text;
  // In Highway's mask the better set has the lower bit.
  const std::int64_t best = word == "sse4"   ? HWY_SSE4
                            : word == "avx2" ? HWY_AVX2
                            : word == "avx3" ? HWY_AVX3
                                             : 0;
  if (best == 0) {
    throw ValueError(format_error({.op = "NACRE_SIMD",
                                   .what = "unknown word \"" + std::string(word) + "\"",
                                   .hint = "it takes sse4, avx2 or avx3"}));
  }
  hwy::DisableTargets(best - 1);
#endif
}

}  // namespace nacre::cpu
