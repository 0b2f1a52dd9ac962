// Attention: every step of a sequence looks at the others.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"
#include "nacre/ops/network/attention.h"

namespace nacre::nn {

struct MultiHeadAttentionOptions {
  std::int64_t heads = 0;     // at least 1
  std::int64_t units = 0;     // of queries, of all heads together; 0: as the input has features
  std::int64_t inputs = 0;    // features of the input, and of the output; 0: of the first input
  std::int64_t kv_heads = 0;  // of keys and values, each for several of queries; 0: as heads
  bool causal = false;        // step i sees steps 0..i only
  std::int64_t window = 0;    // sees so many steps back (and forward), itself counted; 0: all
  // Turns queries and keys by their place (Su et al., "RoFormer", 2021), in halves as Llama does.
  bool rotary = false;
  double rotary_base = 10000;
  // Lowers a score by a slope of the head times the distance (Press et al., "Train short, test
  // long", 2021); only with causal.
  bool alibi = false;
  double dropout = 0;  // share of the weights of attention that are 0 while training
  bool use_bias = true;
  Initializer kernel_initializer = {};  // default: Glorot uniform, as in PyTorch

  template <class V>
  void each(V&& v) {
    v(Field{.name = "heads", .least = 1, .needed = true}, heads);
    v(Field{.name = "units", .implied = true}, units);
    v(Field{.name = "inputs", .implied = true}, inputs);
    v(Field{.name = "kv_heads", .implied = true}, kv_heads);
    v(Field{.name = "causal"}, causal);
    v(Field{.name = "window"}, window);
    v(Field{.name = "rotary"}, rotary);
    v(Field{.name = "rotary_base"}, rotary_base);
    v(Field{.name = "alibi"}, alibi);
    v(Field{.name = "dropout"}, dropout);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "kernel_initializer"}, kernel_initializer);
  }
};

// Which steps may be looked at, beside what the options say.
struct AttentionMask {
  // bool, true may be seen, or values that are added to the scores; broadcasts to [batch, heads,
  // queries, keys].
  Tensor mask = {};
  // How many steps of the keys of each sequence count, whole numbers [batch].
  Tensor lengths = {};
};

// Vaswani et al., "Attention is all you need", 2017; with fewer heads of keys Ainslie et al.,
// "GQA", 2023. Names and layout are those of PyTorch's nn.MultiheadAttention: in_proj_weight
// [units + 2 * kv_units, inputs] (queries, keys, values), in_proj_bias, out_proj.weight,
// out_proj.bias. A query that sees no key gives zeros (before out_proj). Memory grows with the
// length, not with its square, but for dropout and masks while training.
class MultiHeadAttention : public LayerBase {
 public:
  // Throws ValueError when heads do not divide the units, kv_heads the heads, or options exclude
  // each other.
  explicit MultiHeadAttention(MultiHeadAttentionOptions options,
                              Location at = std::source_location::current());
  // MultiHeadAttention(8).
  explicit MultiHeadAttention(First heads, MultiHeadAttentionOptions options = {});

  // x [batch, steps, inputs] looks at itself.
  Tensor operator()(const Operand& x) { return run(x, {}, {}); }
  // x [batch, queries, inputs] looks at memory [batch, keys, inputs].
  Tensor operator()(const Tensor& x, const Tensor& memory) { return run(x, memory, {}); }
  // The same with a mask; without memory x looks at itself. Throws ShapeError for what does not
  // fit.
  Tensor run(const Operand& x, const Tensor& memory, const AttentionMask& mask);
  void visit(ModuleVisitor& visitor);
  const MultiHeadAttentionOptions& options() const { return options_; }

  Variable in_proj_weight;
  Variable in_proj_bias;
  Variable out_proj_weight;  // [inputs, units]
  Variable out_proj_bias;

 private:
  struct Projected {
    Tensor q, k, v;  // [batch, heads, steps, features of a head]
  };
  void build(const LayerCall& call, std::int64_t inputs, DType dtype);
  void expect_fitting(const LayerCall& call, const Operand& x, const Tensor& memory,
                      const AttentionMask& mask) const;
  std::int64_t inputs() const { return in_proj_weight.shape()[1]; }
  std::int64_t units() const { return options_.units > 0 ? options_.units : inputs(); }
  std::int64_t kv_units() const { return kv_heads() * head_units(); }
  std::int64_t kv_heads() const { return options_.kv_heads ? options_.kv_heads : options_.heads; }
  std::int64_t head_units() const { return units() / options_.heads; }
  Tensor project(const Tensor& x, std::int64_t first, std::int64_t count) const;
  Tensor heads_of(const Tensor& x, std::int64_t heads) const;
  Projected projected(const Tensor& x, const Tensor& memory) const;
  Tensor attend(Projected p, const Tensor& places, const AttentionOptions& options) const;
  Tensor attend_dropping(const Projected& p, const AttentionOptions& options);
  Tensor attend_past(Projected p);

  MultiHeadAttentionOptions options_;
  Variable generator_;  // of dropout
};

}  // namespace nacre::nn
