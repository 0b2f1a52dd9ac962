// NACRE_DEBUG=poison: what a kernel forgets to write, or reads before it wrote it, becomes visible.
#pragma once

#include "nacre/base/memory_space.h"
#include "nacre/kernels/registry.h"

namespace nacre {

// The kernel behind one that sets all bits of its outputs (NaN in floats, -1 in integers) and of
// its scratch memory, which lie in `space`. Outputs that take over an input's memory stay as they
// are.
PreparedKernel poisoned(PreparedKernel kernel, const KernelQuery& query,
                        MemorySpace& space = host_memory());

}  // namespace nacre
