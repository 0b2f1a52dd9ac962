// Scaled dot-product attention (Vaswani et al. 2017) as one op with a gradient of its own.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct AttentionOptions {
  // bool: true may be seen; float: added to the scores, -inf hides; broadcasts to them.
  Tensor mask = {};
  bool causal = false;  // query i sees keys 0..i
  double scale = 0;     // 0: 1 / sqrt(features)
  // Query i sees keys i - window + 1 ... i + window - 1 only; 0: all. (Beltagy et al.,
  // "Longformer", 2020.)
  std::int64_t window = 0;
};

// softmax(q k^T * scale + mask) v. q is [..., queries, features], k [..., keys, features], v [...,
// keys, values]. Leading axes broadcast; where q has a multiple of k's and v's heads (axis -3),
// each of theirs serves several of q's. A query that sees no key gives zeros. A key that a query
// does not see does not reach its result nor its gradient, not even as NaN or infinity.
Tensor scaled_dot_product_attention(const Operand& q, const Operand& k, const Operand& v,
                                    const AttentionOptions& options = {});

}  // namespace nacre
