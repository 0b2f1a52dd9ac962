// Pools over 1, 2 or 3 spatial axes of [batch, channels, spatial...].
#pragma once

#include "nacre/ops/define/operand.h"
#include "nacre/ops/image/padding.h"

namespace nacre {

struct PoolOptions {
  PerAxis kernel_size = 2;
  PerAxis stride = {};     // empty: the kernel
  Padding padding = 0;     // never wider than a window, so that each window holds an element
  PerAxis dilation = 1;    // max pool only
  bool ceil_mode = false;  // a last, partial window where the division leaves a rest
  bool count_include_pad = false;  // average pool: padding counts as zeros
  bool channels_last = false;
};

// The largest element of each window; its gradient goes to the first one. NaN wins.
Tensor max_pool(const Operand& x, const PoolOptions& options = {});
// The same with the i64 place of each maximum, counted within its channel's spatial axes.
std::pair<Tensor, Tensor> max_pool_with_indices(const Operand& x, const PoolOptions& options = {});
// The mean of each window.
Tensor avg_pool(const Operand& x, const PoolOptions& options = {});

// Pools to a fixed spatial size: window i covers floor(i * size / output) up to
// ceil((i + 1) * size / output), as in PyTorch.
Tensor adaptive_avg_pool(const Operand& x, const PerAxis& output, bool channels_last = false);
Tensor adaptive_max_pool(const Operand& x, const PerAxis& output, bool channels_last = false);

// One value a channel; the spatial axes stay as 1 unless keep_dims is false.
Tensor global_avg_pool(const Operand& x, bool keep_dims = true, bool channels_last = false);
Tensor global_max_pool(const Operand& x, bool keep_dims = true, bool channels_last = false);

}  // namespace nacre
