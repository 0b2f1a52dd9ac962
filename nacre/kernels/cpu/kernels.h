// What the CPU's backend is made of: kernel tables, one a file, by families.
#pragma once

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

std::span<const KernelRow> view_kernels();           // views.cpp
std::span<const KernelRow> onednn_conv_kernels();    // onednn/onednn_conv.cpp
std::span<const KernelRow> direct_conv_kernels();    // image/conv_direct.cpp
std::span<const KernelRow> conv_pool_kernels();      // image/conv_pool_kernels.cpp
std::span<const KernelRow> pool_kernels();           // image/pool.cpp
std::span<const KernelRow> linalg_kernels();         // linalg/linalg.cpp
std::span<const KernelRow> factor_kernels();         // linalg/decompositions.cpp
std::span<const KernelRow> adam_kernels();           // fused/adam.cpp
std::span<const KernelRow> elementwise_kernels();    // elementwise/elementwise.cpp
std::span<const KernelRow> reduce_kernels();         // reduce/reduce.cpp
std::span<const KernelRow> softmax_kernels();        // reduce/softmax.cpp
std::span<const KernelRow> matmul_kernels();         // product/matmul.cpp
std::span<const KernelRow> movement_kernels();       // shape/movement.cpp
std::span<const KernelRow> pool_row_kernels();       // image/pool_rows.cpp
std::span<const KernelRow> cross_entropy_kernels();  // network/cross_entropy.cpp
std::span<const KernelRow> normalize_kernels();      // network/normalize.cpp
std::span<const KernelRow> attention_kernels();      // network/attention.cpp
std::span<const KernelRow> sampling_kernels();       // image/sampling.cpp
std::span<const KernelRow> fft_kernels();            // signal/fft.cpp
std::span<const KernelRow> finite_kernels();         // reduce/finite.cpp
std::span<const KernelRow> expect_kernels();         // reduce/expect.cpp
std::span<const KernelRow> ctc_kernels();            // network/ctc.cpp
std::span<const KernelRow> random_kernels();         // random/random.cpp
std::span<const KernelRow> part_kernels();           // shape/parts.cpp
std::span<const KernelRow> pad_kernels();            // shape/pad.cpp
std::span<const KernelRow> gather_kernels();         // index/gather.cpp
std::span<const KernelRow> scatter_kernels();        // index/scatter.cpp
std::span<const KernelRow> cumulative_kernels();     // reduce/cumulative.cpp
std::span<const KernelRow> frame_kernels();          // signal/frame.cpp
std::span<const KernelRow> logsumexp_kernels();      // reduce/logsumexp.cpp
std::span<const KernelRow> sort_kernels();           // index/sort.cpp
std::span<const KernelRow> draw_kernels();           // random/draws.cpp
std::span<const KernelRow> widened_kernels();        // widened.cpp

// See Backend (onednn/onednn.cpp).
std::string why_no_bfloat16_products();

}  // namespace nacre::cpu
