// Which of the processor's vector instructions the kernels use.
#pragma once

namespace nacre::cpu {

// Obeys the environment variable NACRE_SIMD: "sse4", "avx2" or "avx3" (AVX-512) is the best set
// that kernels may use, so that the kernels of a smaller processor can be tried on a larger one.
// Without it the best that the processor has serves. Must run before the first kernel is chosen;
// oneDNN has its own ONEDNN_MAX_CPU_ISA. Throws ValueError for another word.
void limit_instruction_set();

}  // namespace nacre::cpu
