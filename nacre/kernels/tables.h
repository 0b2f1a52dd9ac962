// The list of all kernel tables: one a file of kernels, best first for ops that stand in several.
#pragma once

#include <span>
#include <vector>

#include "nacre/kernels/registry.h"

namespace nacre {

std::vector<std::span<const KernelRow>> kernel_tables();

}  // namespace nacre
