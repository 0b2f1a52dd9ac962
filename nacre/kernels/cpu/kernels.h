// The kernel tables of the CPU, one a file.
#pragma once

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

std::span<const KernelRow> view_kernels();  // views.cpp

}  // namespace nacre::cpu
