#include "nacre/nn/attention.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "nacre/nn/decoding.h"
#include "nacre/ops/api.h"

namespace nacre::nn {
namespace {

std::string problem_of(const MultiHeadAttentionOptions& o) {
  if (o.heads < 1) return "heads must be at least 1";
  if (o.units < 0 || o.inputs < 0 || o.kv_heads < 0 || o.window < 0) return "sizes must be above 0";
  const std::int64_t units = o.units > 0 ? o.units : o.inputs;
  if (units % o.heads != 0) {
    return fmt::format("{} units cannot be shared by {} heads", units, o.heads);
  }
  if (o.kv_heads > 0 && o.heads % o.kv_heads != 0) {
    return fmt::format("{} heads cannot share {} heads of keys", o.heads, o.kv_heads);
  }
  if (o.rotary && units / o.heads % 2 != 0) {
    return fmt::format("rotary turns pairs, a head has {} units", units / o.heads);
  }
  if (o.rotary && !(o.rotary_base > 1)) return "rotary_base must be above 1";
  if (o.alibi && !o.causal) return "alibi is for causal attention";
  if (o.alibi && o.dropout > 0) return "alibi and dropout exclude each other";
  if (!(o.dropout >= 0 && o.dropout < 1)) return "dropout must be in [0, 1)";
  return {};
}

// [steps, pairs] angles of the places `at` [steps].
Tensor angles(const Tensor& at, std::int64_t pairs, double base) {
  std::vector<float> speeds(static_cast<std::size_t>(pairs));
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    speeds[i] =
        static_cast<float>(std::pow(base, -static_cast<double>(i) / static_cast<double>(pairs)));
  }
  return expand_dims(at.to(f32), {1}) * Tensor::from(speeds);
}

// x [batch, heads, steps, 2 * pairs] turned by the angles of its places.
Tensor rotated(const Tensor& x, const Tensor& angles) {
  const std::int64_t pairs = x.size(-1) / 2;
  const Tensor c = cos(angles).to(x.dtype());
  const Tensor s = sin(angles).to(x.dtype());
  const Tensor first = slice_axis(x, -1, slice(0, pairs));
  const Tensor second = slice_axis(x, -1, slice(pairs, 2 * pairs));
  return concatenate({first * c - second * s, second * c + first * s}, -1);
}

// The slopes of ALiBi, [heads]: 2^(-8 / n), 2^(-16 / n), ... for n a power of two, those between
// taken from the next power for others, as in the paper's own code.
std::vector<double> slopes(std::int64_t heads) {
  std::vector<double> out;
  std::int64_t n = 1;
  while (2 * n <= heads) n *= 2;
  for (std::int64_t i = 1; i <= n; ++i) {
    out.push_back(std::exp2(-8.0 * static_cast<double>(i) / static_cast<double>(n)));
  }
  for (std::int64_t i = 1; n + static_cast<std::int64_t>(i) <= heads; ++i) {
    out.push_back(std::exp2(-4.0 * static_cast<double>(2 * i - 1) / static_cast<double>(n)));
  }
  return out;
}

// A score may be changed by the same for all keys of a query, so -slope * (i - j) is slope * j: one
// feature more of queries (the slope) and keys (the place) says it without an array of pairs.
Tensor with_slopes(const Tensor& q, double scale) {
  std::vector<double> s = slopes(q.size(1));
  for (double& v : s) v /= scale;
  const Tensor column = Tensor::from(s).to(q.dtype()).reshape({1, q.size(1), 1, 1});
  return concatenate({q, broadcast_to(column, {q.size(0), q.size(1), q.size(2), 1})}, -1);
}
Tensor with_places(const Tensor& k, const Tensor& at) {
  const Tensor column = at.to(k.dtype()).reshape({1, 1, k.size(2), 1});
  return concatenate({k, broadcast_to(column, {k.size(0), k.size(1), k.size(2), 1})}, -1);
}

// bool [batch, 1, 1, keys] of the keys that count.
Tensor within(const Tensor& lengths, std::int64_t keys) {
  return less(arange(keys).reshape({1, 1, 1, keys}),
              lengths.to(i64).reshape({lengths.size(0), 1, 1, 1}));
}

Tensor joined(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() ? a : b;
  if (a.dtype() == boolean) return logical_and(a, b);
  return where(b, a, full({}, -std::numeric_limits<double>::infinity(), a.dtype()));
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(MultiHeadAttentionOptions options, Location at)
    : LayerBase("MultiHeadAttention"), options_(std::move(options)) {
  if (const std::string problem = problem_of(options_); !problem.empty()) {
    throw ValueError(format_error({.op = kind(),
                                   .what = problem,
                                   .location = at,
                                   .hint = "write nn::MultiHeadAttention({.heads = 8})"}));
  }
  if (options_.dropout > 0) {
    const std::vector<std::int64_t> state{static_cast<std::int64_t>(seed()), 0};
    generator_ = Variable(Tensor::from(state), "generator", false);
  }
  if (options_.inputs > 0) {
    const LayerCall call(*this);
    build(call, options_.inputs, f32);
  }
}

MultiHeadAttention::MultiHeadAttention(First heads, MultiHeadAttentionOptions options)
    : MultiHeadAttention(
          sized("MultiHeadAttention", std::move(options), &MultiHeadAttentionOptions::heads, heads),
          heads.at) {}

void MultiHeadAttention::visit(ModuleVisitor& visitor) {
  visitor.variable("in_proj_weight", in_proj_weight);
  if (options_.use_bias) visitor.variable("in_proj_bias", in_proj_bias);
  visitor.variable("out_proj.weight", out_proj_weight);
  if (options_.use_bias) visitor.variable("out_proj.bias", out_proj_bias);
  if (generator_.defined()) visitor.variable("generator", generator_);
}

void MultiHeadAttention::build(const LayerCall& call, std::int64_t inputs, DType dtype) {
  MultiHeadAttentionOptions known = options_;
  known.inputs = inputs;
  if (const std::string problem = problem_of(known); !problem.empty()) {
    call.fail_value({}, problem, "give units, which the heads share");
  }
  const std::int64_t units = options_.units > 0 ? options_.units : inputs;
  const std::int64_t rows = units + 2 * kv_heads() * (units / options_.heads);
  const auto make = [&](Variable& v, const Shape& shape, const char* name, std::uint64_t salt) {
    if (v.defined()) return;
    define_variable(v,
                    initial(options_.kernel_initializer, init::glorot_uniform(), shape, dtype,
                            fans_of(shape), salt),
                    name);
  };
  make(in_proj_weight, {rows, inputs}, "in_proj_weight", 0);
  make(out_proj_weight, {inputs, units}, "out_proj.weight", 1);
  if (!options_.use_bias) return;
  if (!in_proj_bias.defined()) define_variable(in_proj_bias, zeros({rows}, dtype), "in_proj_bias");
  if (!out_proj_bias.defined()) {
    define_variable(out_proj_bias, zeros({inputs}, dtype), "out_proj.bias");
  }
}

void MultiHeadAttention::expect_fitting(const LayerCall& call, const Operand& x,
                                        const Tensor& memory, const AttentionMask& mask) const {
  const std::int64_t features = inputs();
  const auto fits = [&](const Tensor& t) { return t.rank() == 3 && t.size(2) == features; };
  if (!fits(x.tensor())) {
    call.fail_shape(x, fmt::format("it takes [batch, steps, {}]", features),
                    "leave .inputs out, or check the layer before it");
  }
  const std::int64_t batch = x.tensor().size(0);
  if (memory.defined() && (!fits(memory) || memory.size(0) != batch)) {
    call.fail_shape({memory, x.at()},
                    fmt::format("the memory must be [{}, steps, {}]", batch, features));
  }
  if (mask.lengths.defined() &&
      (!is_integral(mask.lengths.dtype()) || !(mask.lengths.shape() == Shape{batch}))) {
    call.fail_shape({mask.lengths, x.at()},
                    fmt::format("lengths must be whole numbers [{}]", batch));
  }
}

// Rows first ... first + count - 1 of the projection's weights.
Tensor MultiHeadAttention::project(const Tensor& x, std::int64_t first, std::int64_t count) const {
  Tensor weight = in_proj_weight;
  const bool part = count < in_proj_weight.shape()[0];
  const auto rows = [&](const Tensor& t) {
    return part ? slice_axis(t, 0, slice(first, first + count)) : t;
  };
  if (!options_.use_bias) return matmul(x, rows(weight), {.transpose_b = true});
  return linear(x, rows(weight), rows(in_proj_bias.value()), {.transpose_b = true});
}

// [batch, steps, heads * n] as [batch, heads, steps, n].
Tensor MultiHeadAttention::heads_of(const Tensor& x, std::int64_t heads) const {
  return transpose(reshape(x, {x.size(0), x.size(1), heads, head_units()}), {0, 2, 1, 3});
}

MultiHeadAttention::Projected MultiHeadAttention::projected(const Tensor& x,
                                                            const Tensor& memory) const {
  Tensor queries;
  Tensor both;
  if (memory.defined()) {
    queries = project(x, 0, units());
    both = project(memory, units(), 2 * kv_units());
  } else {
    const Tensor all = project(x, 0, units() + 2 * kv_units());
    queries = slice_axis(all, -1, slice(0, units()));
    both = slice_axis(all, -1, slice(units(), units() + 2 * kv_units()));
  }
  return {heads_of(queries, options_.heads),
          heads_of(slice_axis(both, -1, slice(0, kv_units())), kv_heads()),
          heads_of(slice_axis(both, -1, slice(kv_units(), 2 * kv_units())), kv_heads())};
}

// Dropout acts on the weights, so they are written out.
Tensor MultiHeadAttention::attend_dropping(const Projected& p, const AttentionOptions& o) {
  const std::int64_t queries = p.q.size(2);
  const std::int64_t keys = p.k.size(2);
  const auto shared = [&](const Tensor& t) {
    return kv_heads() == options_.heads ? t : repeat(t, options_.heads / kv_heads(), 1);
  };
  Tensor scores = matmul(p.q, shared(p.k), {.transpose_b = true}) * o.scale;
  Tensor seen;
  const auto also = [&](const Tensor& more) {
    seen = seen.defined() ? logical_and(seen, more) : more;
  };
  const Tensor distance = reshape(arange(queries), {queries, 1}) - reshape(arange(keys), {1, keys});
  if (o.causal) also(greater_equal(distance, 0));
  if (o.window > 0) also(less(abs(distance), o.window));
  if (o.mask.defined() && o.mask.dtype() == boolean) {
    also(o.mask);
  } else if (o.mask.defined()) {
    also(greater(o.mask, -std::numeric_limits<double>::infinity()));
    scores = scores + where(seen, o.mask, zeros_like(o.mask));
  }
  if (seen.defined()) scores = where(seen, scores, -1e30);
  Tensor weights = softmax(scores, -1);
  if (seen.defined()) weights = where(seen, weights, 0);
  const Tensor key = generator_.value();
  generator_.assign(key + tensor({0, 1}, i64));
  return matmul(dropout(weights, options_.dropout, key), shared(p.v));
}

// Keys stand at `places`, i64 [keys]; queries and keys have been turned before.
Tensor MultiHeadAttention::attend(Projected p, const Tensor& places,
                                  const AttentionOptions& given) const {
  AttentionOptions o = given;
  if (options_.alibi) {
    p.q = with_slopes(p.q, o.scale);
    p.k = with_places(p.k, places);
  }
  return scaled_dot_product_attention(p.q, p.k, p.v, o);
}

// The piece looks at all that was read, itself included.
Tensor MultiHeadAttention::attend_past(Projected p) {
  Decoding& past = *Decoding::current();
  const std::int64_t n = p.q.size(2);
  const Tensor at = past.positions(n);
  const auto remember = [&](const char* name, const Tensor& piece) {
    const Spec spec{piece.dtype(), {piece.size(0), piece.size(1), past.room(), piece.size(3)}};
    Variable& kept = past.kept(*this, name, spec);
    kept.assign(scatter(kept.value(), at, piece, 2));
    return kept.value();
  };
  p.k = remember("keys", p.k);
  p.v = remember("values", p.v);
  const Tensor places = arange(past.room());
  const Tensor distance =
      reshape(at, {n, 1}) - reshape(places, {1, past.room()});  // to the keys of the past
  Tensor seen = greater_equal(distance, 0);
  if (options_.window > 0) seen = logical_and(seen, less(distance, options_.window));
  return attend(p, places,
                {.mask = seen, .scale = 1 / std::sqrt(static_cast<double>(head_units()))});
}

Tensor MultiHeadAttention::run(const Operand& given, const Tensor& memory,
                               const AttentionMask& mask) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  if (!in_proj_weight.defined() || !out_proj_weight.defined()) {
    const Tensor input = x.tensor();
    if (input.rank() != 3) {
      call.fail_shape(
          x, fmt::format("it takes [batch, steps, features], the input has {} axes", input.rank()));
    }
    build(call, in_proj_weight.defined() ? inputs() : input.size(2), input.dtype());
  }
  expect_fitting(call, x, memory, mask);
  Projected p = projected(x.tensor(), memory);
  const bool reads_past = Decoding::current() && !memory.defined();
  if (reads_past && !options_.causal) {
    call.fail_value(x.at(), "it looks ahead, so a sequence cannot be read token by token",
                    "set .causal = true");
  }
  if (options_.rotary) {
    const std::int64_t pairs = head_units() / 2;
    const auto turned = [&](const Tensor& t) {
      const Tensor at = reads_past ? Decoding::current()->positions(t.size(2)) : arange(t.size(2));
      return rotated(t, angles(at, pairs, options_.rotary_base));
    };
    p.q = turned(p.q);
    p.k = turned(p.k);
  }
  Tensor out;
  if (reads_past) {
    out = attend_past(p);
  } else {
    AttentionOptions o{.mask = mask.mask,
                       .causal = options_.causal,
                       .scale = 1 / std::sqrt(static_cast<double>(head_units())),
                       .window = options_.window};
    if (mask.lengths.defined()) o.mask = joined(o.mask, within(mask.lengths, p.k.size(2)));
    out = training() && options_.dropout > 0 && !options_.alibi ? attend_dropping(p, o)
                                                                : attend(p, arange(p.k.size(2)), o);
  }
  out = reshape(transpose(out, {0, 2, 1, 3}), {out.size(0), out.size(2), units()});
  if (!options_.use_bias) return call.done(matmul(out, out_proj_weight, {.transpose_b = true}));
  return call.done(linear(out, out_proj_weight, out_proj_bias, {.transpose_b = true}));
}

}  // namespace nacre::nn
