// A matrix product as plain numbers: what matmul and linear ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nacre/kernels/registry.h"

namespace nacre::cpu {

struct ProductPlan {
  std::int64_t m, n, k;
  bool transpose_a, transpose_b;
  Shape batch;                          // of the output; empty after folding
  std::vector<std::int64_t> a_offsets;  // elements, by batch
  std::vector<std::int64_t> b_offsets;
  bool has_bias = false;
  std::string activation = "none";
  DType dtype;

  double operations() const {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) *
           static_cast<double>(a_offsets.size());
  }
};
// Batches that share b become rows of one product.
ProductPlan plan_product(const KernelQuery& query);

// The product through oneDNN; nothing where it has no implementation faster than its reference.
std::optional<PreparedKernel> prepare_onednn_product(const KernelQuery& query,
                                                     const ProductPlan& plan);

}  // namespace nacre::cpu
