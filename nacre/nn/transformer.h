// The blocks of transformers: attention, then a network for each step by itself, both with a way
// around them.
#pragma once

#include <optional>

#include "nacre/nn/attention.h"
#include "nacre/nn/dense.h"
#include "nacre/nn/dropout.h"
#include "nacre/nn/norm.h"

namespace nacre::nn {

struct TransformerBlockOptions {
  std::int64_t units = 0;     // features of a step, at least 1
  std::int64_t heads = 0;     // of attention, which share the units
  std::int64_t kv_heads = 0;  // see MultiHeadAttentionOptions, as of what follows
  std::int64_t inner = 0;     // units between the two dense layers; 0: 4 * units
  bool causal = false;
  std::int64_t window = 0;
  bool rotary = false;
  bool alibi = false;
  bool cross = false;  // also looks at a memory, as decoders do
  double dropout = 0;  // of what goes around the ways, of the inner units and of attention
  Activation activation = "gelu";
  // linear2(activation(gate x) * linear1 x): with silu SwiGLU (Shazeer, "GLU variants improve
  // transformer", 2020).
  bool gated = false;
  bool norm_first = true;  // false: normalizes after each sum, as in the paper of 2017
  bool rms_norm = false;   // instead of layer normalization
  bool use_bias = true;
  bool checkpoint = false;  // computes forward once more for the gradient and keeps its input only

  template <class V>
  void each(V&& v) {
    v(Field{.name = "units", .least = 1, .needed = true}, units);
    v(Field{.name = "heads", .least = 1, .needed = true}, heads);
    v(Field{.name = "kv_heads", .implied = true}, kv_heads);
    v(Field{.name = "inner", .implied = true}, inner);
    v(Field{.name = "causal"}, causal);
    v(Field{.name = "window"}, window);
    v(Field{.name = "rotary"}, rotary);
    v(Field{.name = "alibi"}, alibi);
    v(Field{.name = "cross"}, cross);
    v(Field{.name = "dropout"}, dropout);
    v(Field{.name = "activation"}, activation);
    v(Field{.name = "gated"}, gated);
    v(Field{.name = "norm_first"}, norm_first);
    v(Field{.name = "rms_norm"}, rms_norm);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "checkpoint"}, checkpoint);
  }
};

// x [batch, steps, units] gives the same shape. Names are those of PyTorch's
// nn.TransformerEncoderLayer, and with `cross` those of nn.TransformerDecoderLayer: self_attn,
// multihead_attn, linear1, linear2, norm1, norm2, norm3; beside them linear_gate.
class TransformerBlock : public LayerBase {
 public:
  // Throws ValueError when the heads do not divide the units, or for options that exclude each
  // other.
  explicit TransformerBlock(TransformerBlockOptions options,
                            Location at = std::source_location::current());

  Tensor operator()(const Operand& x);
  // A block with `cross` and what it looks at, [batch, steps, units].
  Tensor operator()(const Tensor& x, const Tensor& memory);
  // The same with masks of both attentions.
  Tensor run(const Operand& x, const Tensor& memory, const AttentionMask& mask,
             const AttentionMask& memory_mask = {});
  void visit(ModuleVisitor& visitor);
  const TransformerBlockOptions& options() const { return options_; }

 private:
  Tensor forward(const Tensor& x, const Tensor& memory, const AttentionMask& mask,
                 const AttentionMask& memory_mask);
  Tensor feed_forward(const Tensor& x);

  TransformerBlockOptions options_;
  MultiHeadAttention self_attn_;
  std::optional<MultiHeadAttention> multihead_attn_;
  Dense linear1_, linear2_;
  std::optional<Dense> linear_gate_;
  std::vector<Layer> norms_;  // LayerNorm or RMSNorm, one for each part
  std::vector<Dropout> dropouts_;
};

}  // namespace nacre::nn
