#include "nacre/kernels/tables.h"

#include "nacre/kernels/cpu/kernels.h"

namespace nacre {

std::vector<std::span<const KernelRow>> kernel_tables() {
  return {
      cpu::view_kernels(),          cpu::onednn_conv_kernels(), cpu::direct_conv_kernels(),
      cpu::pool_row_kernels(),      cpu::pool_kernels(),        cpu::linalg_kernels(),
      cpu::adam_kernels(),          cpu::elementwise_kernels(), cpu::reduce_kernels(),
      cpu::softmax_kernels(),       cpu::matmul_kernels(),      cpu::movement_kernels(),
      cpu::cross_entropy_kernels(), cpu::normalize_kernels(),   cpu::attention_kernels(),
      cpu::sampling_kernels(),      cpu::fft_kernels(),         cpu::random_kernels(),
      cpu::part_kernels(),          cpu::pad_kernels(),         cpu::gather_kernels(),
      cpu::scatter_kernels(),       cpu::cumulative_kernels(),  cpu::frame_kernels(),
      cpu::logsumexp_kernels(),     cpu::sort_kernels(),        cpu::draw_kernels(),
      cpu::finite_kernels(),        cpu::expect_kernels(),      cpu::ctc_kernels(),
      cpu::conv_pool_kernels(),     cpu::factor_kernels(),      cpu::widened_kernels(),
  };
}

}  // namespace nacre
