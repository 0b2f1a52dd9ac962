// Where a tensor comes from, as far as that is known.
#pragma once

#include <optional>

#include "nacre/ops/define/emit.h"

namespace nacre {

struct Producer {
  Op op;
  Attrs attrs;
  Tensors inputs;
};
// The op that made `t`: known of values of a trace, and of what a tape of this thread has recorded.
std::optional<Producer> producer_of(const Tensor& t);

}  // namespace nacre
