// What the CPU's backend is made of: kernel tables, one a file.
#pragma once

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

#define NACRE_KERNELS(table) std::span<const KernelRow> table();
#include "nacre/kernels/cpu/kernels.def"
#undef NACRE_KERNELS

// See Backend (onednn/onednn.cpp).
std::string why_no_bfloat16_products();

}  // namespace nacre::cpu
