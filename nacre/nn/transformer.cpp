#include "nacre/nn/transformer.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"
#include "nacre/run/custom_vjp.h"

namespace nacre::nn {
namespace {

TransformerBlockOptions checked(TransformerBlockOptions o, const Location& at) {
  if (o.units < 1 || o.heads < 1 || o.units % o.heads != 0 || o.inner < 0) {
    throw ValueError(format_error(
        {.op = "TransformerBlock",
         .what = fmt::format("units {} and heads {}: both must be at least 1, and the heads share "
                             "the units",
                             o.units, o.heads),
         .location = at,
         .hint = "write nn::TransformerBlock({.units = 128, .heads = 4})"}));
  }
  if (!(o.dropout >= 0 && o.dropout < 1)) {
    throw ValueError(format_error(
        {.op = "TransformerBlock", .what = "dropout must be in [0, 1)", .location = at}));
  }
  return o;
}

MultiHeadAttentionOptions attention_of(const TransformerBlockOptions& o, bool cross) {
  MultiHeadAttentionOptions a{.heads = o.heads,
                              .inputs = o.units,
                              .kv_heads = o.kv_heads,
                              .dropout = o.alibi ? 0 : o.dropout,
                              .use_bias = o.use_bias};
  if (cross) return a;
  a.causal = o.causal;
  a.window = o.window;
  a.rotary = o.rotary;
  a.alibi = o.alibi;
  return a;
}

std::int64_t inner_of(const TransformerBlockOptions& o) {
  return o.inner > 0 ? o.inner : 4 * o.units;
}

}  // namespace

TransformerBlock::TransformerBlock(TransformerBlockOptions options, Location at)
    : LayerBase("TransformerBlock"),
      options_(checked(std::move(options), at)),
      self_attn_(attention_of(options_, false), at),
      linear1_({.units = inner_of(options_),
                .inputs = options_.units,
                .activation = options_.gated ? Activation() : options_.activation,
                .use_bias = options_.use_bias}),
      linear2_(
          {.units = options_.units, .inputs = inner_of(options_), .use_bias = options_.use_bias}) {
  if (options_.cross) multihead_attn_.emplace(attention_of(options_, true), at);
  if (options_.gated) {
    linear_gate_.emplace(DenseOptions{.units = inner_of(options_),
                                      .inputs = options_.units,
                                      .activation = options_.activation,
                                      .use_bias = options_.use_bias});
  }
  const std::size_t parts = options_.cross ? 3 : 2;
  for (std::size_t i = 0; i < parts; ++i) {
    if (options_.rms_norm) {
      norms_.emplace_back(RMSNorm());
    } else {
      norms_.emplace_back(LayerNorm());
    }
  }
  if (options_.dropout > 0) {
    for (std::size_t i = 0; i <= parts; ++i) dropouts_.emplace_back(options_.dropout);
  }
}

void TransformerBlock::visit(ModuleVisitor& visitor) {
  visit_member(visitor, "self_attn", self_attn_);
  visit_member(visitor, "multihead_attn", multihead_attn_);
  visit_member(visitor, "linear1", linear1_);
  visit_member(visitor, "linear_gate", linear_gate_);
  visit_member(visitor, "linear2", linear2_);
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    visit_member(visitor, fmt::format("norm{}", i + 1), norms_[i]);
  }
  for (std::size_t i = 0; i < dropouts_.size(); ++i) {
    visit_member(visitor, fmt::format("dropout{}", i), dropouts_[i]);
  }
}

Tensor TransformerBlock::feed_forward(const Tensor& x) {
  Tensor inner = linear1_(x);
  if (linear_gate_) inner = (*linear_gate_)(x)*inner;
  if (!dropouts_.empty()) inner = dropouts_[0](inner);
  return linear2_(inner);
}

Tensor TransformerBlock::forward(const Tensor& given, const Tensor& memory,
                                 const AttentionMask& mask, const AttentionMask& memory_mask) {
  Tensor x = given;
  std::size_t part = 0;
  const auto add_part = [&](auto&& f) {
    Layer& norm = norms_[part];
    ++part;
    Tensor y = f(options_.norm_first ? norm(x) : x);
    if (!dropouts_.empty()) y = dropouts_[part](y);
    x = options_.norm_first ? x + y : norm(x + y);
  };
  add_part([&](const Tensor& t) { return self_attn_.run(t, {}, mask); });
  if (multihead_attn_) {
    add_part([&](const Tensor& t) { return multihead_attn_->run(t, memory, memory_mask); });
  }
  add_part([&](const Tensor& t) { return feed_forward(t); });
  return x;
}

Tensor TransformerBlock::run(const Operand& given, const Tensor& memory, const AttentionMask& mask,
                             const AttentionMask& memory_mask) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  const Tensor input = x.tensor();
  if (input.rank() != 3 || input.size(2) != options_.units) {
    call.fail_shape(x, fmt::format("it takes [batch, steps, {}]", options_.units),
                    "nn::Embedding makes such sequences of tokens");
  }
  if (options_.cross != memory.defined()) {
    call.fail_value(
        x.at(),
        options_.cross ? "a memory to look at is missing" : "it has no attention for a memory",
        "blocks with .cross = true take block(x, memory)");
  }
  if (!options_.checkpoint || !training()) {
    return call.done(forward(input, memory, mask, memory_mask));
  }
  // Called once more when the gradient is asked for, so it holds what it needs.
  const auto again = [this, mask, memory_mask](const Tensor& t, const Tensor& m) {
    return forward(t, m, mask, memory_mask);
  };
  if (options_.cross) return call.done(checkpoint(again)(input, memory));
  return call.done(checkpoint([again](const Tensor& t) { return again(t, {}); })(input));
}

Tensor TransformerBlock::operator()(const Operand& x) { return run(x, {}, {}); }
Tensor TransformerBlock::operator()(const Tensor& x, const Tensor& memory) {
  return run(x, memory, {});
}

}  // namespace nacre::nn
