#include "nacre/kernels/tables.h"

#include "nacre/kernels/cpu/kernels.h"

namespace nacre {

std::vector<std::span<const KernelRow>> kernel_tables() {
  return {
      cpu::view_kernels(),
  };
}

}  // namespace nacre
