// The kernel tables of the CPU, one a file.
#pragma once

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

std::span<const KernelRow> view_kernels();           // views.cpp
std::span<const KernelRow> onednn_conv_kernels();    // onednn_conv.cpp
std::span<const KernelRow> direct_conv_kernels();    // conv_direct.cpp
std::span<const KernelRow> conv_pool_kernels();      // conv_pool_kernels.cpp
std::span<const KernelRow> pool_kernels();           // pool.cpp
std::span<const KernelRow> linalg_kernels();         // linalg.cpp
std::span<const KernelRow> factor_kernels();         // decompositions.cpp
std::span<const KernelRow> adam_kernels();           // adam.cpp
std::span<const KernelRow> elementwise_kernels();    // elementwise.cpp
std::span<const KernelRow> reduce_kernels();         // reduce.cpp
std::span<const KernelRow> softmax_kernels();        // softmax.cpp
std::span<const KernelRow> matmul_kernels();         // matmul.cpp
std::span<const KernelRow> movement_kernels();       // movement.cpp
std::span<const KernelRow> pool_row_kernels();       // pool_rows.cpp
std::span<const KernelRow> cross_entropy_kernels();  // cross_entropy.cpp
std::span<const KernelRow> normalize_kernels();      // normalize.cpp
std::span<const KernelRow> attention_kernels();      // attention.cpp
std::span<const KernelRow> sampling_kernels();       // sampling.cpp
std::span<const KernelRow> fft_kernels();            // fft.cpp
std::span<const KernelRow> finite_kernels();         // finite.cpp
std::span<const KernelRow> ctc_kernels();            // ctc.cpp
std::span<const KernelRow> random_kernels();         // random.cpp
std::span<const KernelRow> part_kernels();           // parts.cpp
std::span<const KernelRow> pad_kernels();            // pad.cpp
std::span<const KernelRow> gather_kernels();         // gather.cpp
std::span<const KernelRow> scatter_kernels();        // scatter.cpp
std::span<const KernelRow> scan_kernels();           // scan.cpp
std::span<const KernelRow> frame_kernels();          // frame.cpp
std::span<const KernelRow> logsumexp_kernels();      // logsumexp.cpp
std::span<const KernelRow> sort_kernels();           // sort.cpp
std::span<const KernelRow> draw_kernels();           // draws.cpp
std::span<const KernelRow> widened_kernels();        // widened.cpp

}  // namespace nacre::cpu
