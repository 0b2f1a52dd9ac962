// Running a compiled program.
#pragma once

#include "nacre/kernels/cpu/fused/fused_program.h"

namespace nacre::cpu {

// The interpreter keeps its registers' addresses on the stack.
bool fits_interpreter(std::size_t registers);

void run_program(const CompiledProgram& program, void* const* pointers, const RunContext& context);

}  // namespace nacre::cpu
