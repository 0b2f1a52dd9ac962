// attention {scale, causal, window}: (q, k, v, [mask]) -> o;
// attention_backward {scale, causal, window, mask_gradient}: (q, k, v, ct, [mask]) -> dq, dk, dv,
// [dmask]. All of q, k, v have the same leading axes here; the mask broadcasts to [..., queries,
// keys].
#include "nacre/ops/network/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/product/matmul.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Shape leading(const Shape& s) {
  return Shape(std::span(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
}

Shape matrices(Shape lead, std::int64_t rows, std::int64_t columns) {
  lead.push_back(rows);
  lead.push_back(columns);
  return lead;
}

// Repeats the heads (axis -3) of t so that there are `heads`.
Tensor repeat_heads(const Tensor& t, std::int64_t heads, const Location& at) {
  if (t.rank() < 3) return t;
  const std::int64_t own = t.size(-3);
  if (own == heads || own <= 1 || heads % own != 0) return t;
  Shape split;
  Shape repeated;
  Shape merged;
  for (int i = 0; i < t.rank(); ++i) {
    const std::int64_t n = t.shape()[i];
    split.push_back(n);
    repeated.push_back(n);
    merged.push_back(i == t.rank() - 3 ? heads : n);
    if (i == t.rank() - 3) {
      split.push_back(1);
      repeated.push_back(heads / own);
    }
  }
  return reshape({broadcast_to({reshape({t, at}, split), at}, repeated), at}, merged);
}

}  // namespace

Tensor scaled_dot_product_attention(const Operand& q, const Operand& k, const Operand& v,
                                    const AttentionOptions& options) {
  const Location& at = q.at();
  Tensor a = q.tensor();
  Tensor b = k.tensor();
  Tensor c = v.tensor();
  if (a.rank() >= 3) {
    b = repeat_heads(b, a.size(-3), at);
    c = repeat_heads(c, a.size(-3), at);
  }
  Shape lead;
  Shape all;
  if (a.rank() >= 2 && b.rank() >= 2 && c.rank() >= 2 &&
      broadcast_shapes(leading(a.shape()), leading(b.shape()), lead) &&
      broadcast_shapes(lead, leading(c.shape()), all)) {
    for (Tensor* t : {&a, &b, &c}) {
      *t = broadcast_to({*t, at}, matrices(all, t->size(-2), t->size(-1)));
    }
  }
  const double features = a.rank() > 0 ? static_cast<double>(a.size(-1)) : 1;
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(std::max(1.0, features));
  if (options.window < 0) {
    throw ValueError(format_error({.op = "scaled_dot_product_attention",
                                   .what = fmt::format("window {} is below 0", options.window),
                                   .location = at}));
  }
  Attrs attrs{{"scale", scale}, {"causal", options.causal}};
  if (options.window > 0) attrs = attrs.with("window", options.window);
  if (!options.mask.defined()) return emit_one(Op::attention, attrs, {a, b, c}, at);
  const Tensor mask =
      options.mask.dtype() == boolean ? options.mask : cast({options.mask, at}, a.dtype());
  return emit_one(Op::attention, attrs, {a, b, c, mask}, at);
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

Shape scores_shape(const Shape& q, const Shape& k) {
  return matrices(leading(q), q.at_back(-2), k.at_back(-2));
}

// The checks of both ops; `mask` is the index of the mask, when there is one.
void check_operands(const InferContext& c, std::size_t mask) {
  for (std::size_t i = 0; i < 3; ++i) {
    c.expect_floating(i);
    if (c.inputs[i].dtype != c.inputs[0].dtype) {
      c.fail_dtype(fmt::format("dtypes differ ({} vs {})", name_of(c.inputs[0].dtype),
                               name_of(c.inputs[i].dtype)),
                   "convert one of them with x.to(dtype)");
    }
    if (c.inputs[i].shape.rank() < 2) {
      c.fail_shape("queries, keys and values need at least two axes",
                   "q is [..., queries, features], k [..., keys, features], v [..., keys, values]");
    }
  }
  const Shape& q = c.inputs[0].shape;
  const Shape& k = c.inputs[1].shape;
  const Shape& v = c.inputs[2].shape;
  if (!(leading(q) == leading(k)) || !(leading(q) == leading(v))) {
    c.fail_shape(fmt::format("the leading axes {}, {} and {} do not broadcast",
                             to_string(leading(q)), to_string(leading(k)), to_string(leading(v))));
  }
  if (q.at_back(-1) != k.at_back(-1)) {
    c.fail_shape(fmt::format("queries have {} features, keys {}", q.at_back(-1), k.at_back(-1)));
  }
  if (k.at_back(-2) != v.at_back(-2)) {
    c.fail_shape(fmt::format("there are {} keys and {} values", k.at_back(-2), v.at_back(-2)));
  }
  if (c.inputs.size() <= mask) return;
  const Spec& m = c.inputs[mask];
  if (m.dtype != boolean && m.dtype != c.inputs[0].dtype) {
    c.fail_dtype(fmt::format("the mask is {}, bool or {} expected", name_of(m.dtype),
                             name_of(c.inputs[0].dtype)),
                 "bool: true may be seen; float: added to the scores");
  }
  const Shape scores = scores_shape(q, k);
  Shape both;
  if (!broadcast_shapes(m.shape, scores, both) || !(both == scores)) {
    c.fail_shape(fmt::format("the mask of shape {} does not broadcast to the scores {}",
                             to_string(m.shape), to_string(scores)));
  }
}

SpecList infer_attention(const InferContext& c) {
  if (c.inputs.size() != 4) c.expect_inputs(3);
  check_operands(c, 3);
  const Shape& q = c.inputs[0].shape;
  return {{c.inputs[0].dtype, matrices(leading(q), q.at_back(-2), c.inputs[2].shape.at_back(-1))}};
}

SpecList infer_backward(const InferContext& c) {
  if (c.inputs.size() != 5) c.expect_inputs(4);
  check_operands(c, 4);
  const Shape& q = c.inputs[0].shape;
  const Spec expected{c.inputs[0].dtype,
                      matrices(leading(q), q.at_back(-2), c.inputs[2].shape.at_back(-1))};
  if (!(c.inputs[3] == expected)) {
    c.fail_shape(fmt::format("a gradient {} expected, {} given", to_string(expected),
                             to_string(c.inputs[3])));
  }
  SpecList out{c.inputs[0], c.inputs[1], c.inputs[2]};
  if (c.attrs.flag_or("mask_gradient", false)) {
    out.push_back({c.inputs[0].dtype, scores_shape(q, c.inputs[1].shape)});
  }
  return out;
}

struct Sizes {
  std::size_t batch, queries, keys, features, values;

  Sizes(const Shape& q, const Shape& k, const Shape& v)
      : batch(static_cast<std::size_t>(leading(q).elements())),
        queries(static_cast<std::size_t>(q.at_back(-2))),
        keys(static_cast<std::size_t>(k.at_back(-2))),
        features(static_cast<std::size_t>(q.at_back(-1))),
        values(static_cast<std::size_t>(v.at_back(-1))) {}
};

// softmax(q k^T scale + mask) of all batches, [batch, queries, keys], and which keys are hidden;
// `mask` is its input's index.
struct Probabilities {
  std::vector<double> p;
  std::vector<bool> hidden;
};
Probabilities probabilities(const ReferenceContext& c, const Sizes& n, std::size_t mask) {
  const std::vector<double> q = c.load(0);
  const std::vector<double> k = c.load(1);
  constexpr double kHidden = -std::numeric_limits<double>::infinity();
  std::vector<double> p(n.batch * n.queries * n.keys);
  std::vector<bool> hidden(p.size());
  for (std::size_t b = 0; b < n.batch; ++b) {
    for (std::size_t i = 0; i < n.queries; ++i) {
      for (std::size_t j = 0; j < n.keys; ++j) {
        double score = 0;
        for (std::size_t f = 0; f < n.features; ++f) {
          score += q[(b * n.queries + i) * n.features + f] * k[(b * n.keys + j) * n.features + f];
        }
        const std::size_t at = (b * n.queries + i) * n.keys + j;
        const auto window = static_cast<std::size_t>(c.attrs.integer_or("window", 0));
        hidden[at] = (c.attrs.flag_or("causal", false) && j > i) ||
                     (window > 0 && (j >= i + window || i >= j + window));
        p[at] = score * c.attrs.number("scale");
      }
    }
  }
  if (c.in_specs.size() > mask) {
    const std::vector<double> m = c.load(mask);
    BroadcastWalk walk(c.in_shape(mask), scores_shape(c.in_shape(0), c.in_shape(1)));
    for (std::size_t i = 0; i < p.size(); ++i, walk.next()) {
      const double value = m[static_cast<std::size_t>(walk.offset())];
      const bool flag = c.in_specs[mask].dtype == boolean;
      if (!flag) p[i] += value;
      hidden[i] = hidden[i] || (flag ? value == 0 : value == kHidden);
    }
  }
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = hidden[i] ? kHidden : p[i];
  for (std::size_t row = 0; row < n.batch * n.queries; ++row) {
    double* s = p.data() + row * n.keys;
    double top = kHidden;
    for (std::size_t j = 0; j < n.keys; ++j) top = std::isnan(s[j]) ? s[j] : std::max(top, s[j]);
    double total = 0;
    for (std::size_t j = 0; j < n.keys; ++j) {
      s[j] = top == kHidden ? 0 : std::exp(s[j] - top);
      total += s[j];
    }
    for (std::size_t j = 0; j < n.keys && total != 0; ++j) s[j] /= total;
    for (std::size_t j = 0; j < n.keys; ++j) s[j] = hidden[row * n.keys + j] ? 0 : s[j];
  }
  return {p, hidden};
}

void reference_attention(const ReferenceContext& c) {
  const Sizes n(c.in_shape(0), c.in_shape(1), c.in_shape(2));
  const auto [p, hidden] = probabilities(c, n, 3);
  const std::vector<double> v = c.load(2);
  std::vector<double> o(n.batch * n.queries * n.values);
  for (std::size_t row = 0; row < n.batch * n.queries; ++row) {
    for (std::size_t j = 0; j < n.keys; ++j) {
      if (hidden[row * n.keys + j]) continue;  // whatever it holds
      for (std::size_t f = 0; f < n.values; ++f) {
        o[row * n.values + f] +=
            p[row * n.keys + j] * v[(row / n.queries * n.keys + j) * n.values + f];
      }
    }
  }
  c.store(0, o);
}

void reference_backward(const ReferenceContext& c) {
  const Sizes n(c.in_shape(0), c.in_shape(1), c.in_shape(2));
  const auto [p, hidden] = probabilities(c, n, 4);
  const std::vector<double> q = c.load(0);
  const std::vector<double> k = c.load(1);
  const std::vector<double> v = c.load(2);
  const std::vector<double> ct = c.load(3);
  const double scale = c.attrs.number("scale");
  std::vector<double> dq(q.size());
  std::vector<double> dk(k.size());
  std::vector<double> dv(v.size());
  std::vector<double> ds(p.size());
  for (std::size_t row = 0; row < n.batch * n.queries; ++row) {
    const std::size_t first_key = row / n.queries * n.keys;
    double along = 0;
    for (std::size_t j = 0; j < n.keys; ++j) {
      if (hidden[row * n.keys + j]) continue;  // whatever it holds
      double dp = 0;
      for (std::size_t f = 0; f < n.values; ++f) {
        const std::size_t at = (first_key + j) * n.values + f;
        dp += ct[row * n.values + f] * v[at];
        dv[at] += p[row * n.keys + j] * ct[row * n.values + f];
      }
      ds[row * n.keys + j] = dp;
      along += dp * p[row * n.keys + j];
    }
    for (std::size_t j = 0; j < n.keys; ++j) {
      if (hidden[row * n.keys + j]) continue;
      double& s = ds[row * n.keys + j];
      s = p[row * n.keys + j] * (s - along);
      for (std::size_t f = 0; f < n.features; ++f) {
        dq[row * n.features + f] += scale * s * k[(first_key + j) * n.features + f];
        dk[(first_key + j) * n.features + f] += scale * s * q[row * n.features + f];
      }
    }
  }
  c.store(0, dq);
  c.store(1, dk);
  c.store(2, dv);
  if (c.out_specs.size() == 4) c.store(3, ds);
}

L vjp_attention(G c) {
  const bool mask = c.inputs.size() == 4;
  const bool mask_gradient = mask && c.wanted[3] && c.in(3).dtype() != boolean;
  Tensors inputs = {c.in(0), c.in(1), c.in(2), c.ct()};
  if (mask) inputs.push_back(c.in(3));
  const L all =
      emit(Op::attention_backward, c.attrs.with("mask_gradient", mask_gradient), inputs, {});
  L out = {all[0], all[1], all[2]};
  if (mask) out.push_back(mask_gradient ? sum_to(all[3], c.in(3).shape()) : Tensor());
  return out;
}

// Which keys each query may see, as bool [queries, keys]; undefined when all.
Tensor seen(const VjpContext& c) {
  const std::int64_t queries = c.in(0).size(-2);
  const std::int64_t keys = c.in(1).size(-2);
  Tensor result;
  if (c.attrs.flag_or("causal", false)) {
    result = nacre::less_equal(nacre::reshape(arange(keys), Shape{1, keys}),
                               nacre::reshape(arange(queries), Shape{queries, 1}));
  }
  if (const std::int64_t window = c.attrs.integer_or("window", 0); window > 0) {
    const Tensor apart = nacre::abs(nacre::reshape(arange(keys), Shape{1, keys}) -
                                    nacre::reshape(arange(queries), Shape{queries, 1}));
    const Tensor near = nacre::less(apart, window);
    result = result.defined() ? nacre::logical_and(result, near) : near;
  }
  if (c.inputs.size() == 5) {
    const Tensor mask = c.in(4).dtype() == boolean
                            ? c.in(4)
                            : nacre::not_equal(c.in(4), -std::numeric_limits<double>::infinity());
    result = result.defined() ? nacre::logical_and(result, mask) : mask;
  }
  return result;
}

// Products with all pairs would take NaN and infinity from keys and queries that do not see each
// other. So those elements count as 0, and what pairs that do see each other make of them, NaN, is
// put back at the end.
class Unseen {
 public:
  explicit Unseen(Tensor seen) : seen_(std::move(seen)) {}

  // `t` of queries (or keys) as the products may read it.
  Tensor of_queries(const Tensor& t) { return without(t, bad_queries_); }
  Tensor of_keys(const Tensor& t) { return without(t, bad_keys_); }

  // A result for queries, for keys, for pairs, with NaN where it is due.
  Tensor to_queries(const Tensor& t) {
    return seen_.defined() ? nacre::where(tainted_queries(), kNan, t) : t;
  }
  Tensor to_keys(const Tensor& t) {
    if (!seen_.defined()) return t;
    const Tensor pairs = nacre::logical_and(seen_, tainted_queries());
    return nacre::where(column(nacre::any(pairs, {-2})), kNan, t);
  }
  Tensor to_pairs(const Tensor& t) {
    if (!seen_.defined()) return t;
    return nacre::where(nacre::logical_and(seen_, tainted_queries()), kNan, t);
  }

 private:
  static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  static Tensor column(const Tensor& t) { return nacre::expand_dims(t, {-1}); }

  Tensor without(const Tensor& t, Tensor& bad) const {
    if (!seen_.defined()) return t;
    const Tensor good = nacre::is_finite(t);
    const Tensor row = nacre::any(nacre::logical_not(good), {-1});
    bad = bad.defined() ? nacre::logical_or(bad, row) : row;
    return nacre::where(good, t, 0);
  }

  // [..., queries, 1]: sees something that is not finite, or is that itself.
  Tensor tainted_queries() {
    if (!tainted_.defined()) {
      const Tensor bad =
          nacre::logical_or(column(bad_queries_), nacre::expand_dims(bad_keys_, {-2}));
      tainted_ = nacre::any(nacre::logical_and(seen_, bad), {-1}, true);
    }
    return tainted_;
  }

  Tensor seen_;
  Tensor bad_queries_;  // [..., queries]
  Tensor bad_keys_;     // [..., keys]
  Tensor tainted_;
};

// The gradient's own formulas, one more time by the product rule. With S the scores, P their
// softmax, dP = ct v^T, dS = P (dP - rowsum(dP P)):
// dq = scale dS k, dk = scale dS^T q, dv = P^T ct, dmask = dS.
L vjp_backward(G c) {
  const double scale = c.attrs.number("scale");
  const Tensor visible = seen(c);
  Unseen unseen(visible);
  const Tensor q = unseen.of_queries(c.in(0));
  const Tensor k = unseen.of_keys(c.in(1));
  const Tensor v = unseen.of_keys(c.in(2));
  const Tensor ct = unseen.of_queries(c.in(3));
  const Tensor a = unseen.of_queries(c.ct(0));
  const Tensor b = unseen.of_keys(c.ct(1));
  const Tensor w = unseen.of_keys(c.ct(2));
  const auto mm = [](const Tensor& x, const Tensor& y, bool tx = false, bool ty = false) {
    return nacre::matmul(x, y, {.transpose_a = tx, .transpose_b = ty});
  };
  const auto row_sum = [](const Tensor& t) { return nacre::sum(t, {-1}, true); };

  Tensor scores = mm(q, k, false, true) * scale;
  const bool additive = c.inputs.size() == 5 && c.in(4).dtype() != boolean;
  if (additive) scores = scores + c.in(4);
  if (visible.defined()) {
    scores = nacre::where(visible, scores, -std::numeric_limits<double>::infinity());
  }
  // A row without any visible key has P = 0.
  const Tensor top = nacre::stop_gradient(nacre::max(scores, {-1}, true));
  const Tensor finite_top = nacre::where(top > -std::numeric_limits<double>::infinity(), top, 0);
  const Tensor e = nacre::exp(scores - finite_top);
  const Tensor total = row_sum(e);
  const Tensor p = e / nacre::where(total > 0, total, 1);
  const Tensor dp = mm(ct, v, false, true);
  const Tensor along = row_sum(dp * p);
  const Tensor ds = p * (dp - along);

  Tensor to_ds = (mm(a, k, false, true) + mm(q, b, false, true)) * scale;
  if (c.outputs.size() == 4 && c.cotangents[3].defined()) {
    to_ds = to_ds + (visible.defined() ? nacre::where(visible, c.ct(3), 0) : c.ct(3));
  }
  const Tensor to_ds_along = row_sum(to_ds * p);
  const Tensor to_dp = p * (to_ds - to_ds_along);
  const Tensor to_p = to_ds * (dp - along) - dp * to_ds_along + mm(ct, w, false, true);
  const Tensor to_scores = p * (to_p - row_sum(to_p * p));

  const Tensor dq = unseen.to_queries((mm(to_scores, k) + mm(ds, b)) * scale);
  const Tensor dk = unseen.to_keys((mm(to_scores, q, true) + mm(ds, a, true)) * scale);
  const Tensor dv = unseen.to_keys(mm(to_dp, ct, true));
  const Tensor dct = unseen.to_queries(mm(p, w) + mm(to_dp, v));
  L out = {dq, dk, dv, dct};
  if (c.inputs.size() == 5) {
    out.push_back(additive ? sum_to(unseen.to_pairs(to_scores), c.in(4).shape()) : Tensor());
  }
  return out;
}

Cost cost_of(std::span<const Spec> in, std::span<const Spec> out, double products) {
  const Sizes n(in[0].shape, in[1].shape, in[2].shape);
  Cost cost{products * static_cast<double>(n.batch * n.queries * n.keys) *
                static_cast<double>(n.features + n.values),
            0};
  for (const Spec& s : in) cost.bytes += static_cast<double>(s.bytes());
  for (const Spec& s : out) cost.bytes += static_cast<double>(s.bytes());
  return cost;
}

std::vector<Sample> samples_of(bool backward) {
  std::vector<Sample> list;
  const auto add = [&](DType d, Shape q, Shape k, Shape v, bool causal,
                       std::vector<SampleInput> mask = {}, std::int64_t window = 0) {
    Sample s{.inputs = {{{d, q}}, {{d, k}}, {{d, v}}},
             .attrs = {{"scale", 0.5}, {"causal", causal}},
             .tolerance_scale = 4};
    if (window > 0) s.attrs = s.attrs.with("window", window);
    if (backward) {
      s.inputs.push_back({{d, matrices(leading(q), q.at_back(-2), v.at_back(-1))}});
      s.attrs = s.attrs.with("mask_gradient", !mask.empty() && mask[0].spec.dtype != boolean);
    }
    for (const SampleInput& m : mask) s.inputs.push_back(m);
    list.push_back(std::move(s));
  };
  add(f32, {2, 5, 3}, {2, 7, 3}, {2, 7, 4}, false);
  add(f32, {2, 2, 6, 8}, {2, 2, 6, 8}, {2, 2, 6, 8}, true);
  add(f32, {35, 19}, {37, 19}, {37, 21}, false);
  add(f32, {2, 3, 5}, {2, 4, 5}, {2, 4, 3}, false, {{{f32, {4}}}});
  add(f32, {2, 3, 5}, {2, 4, 5}, {2, 4, 3}, false, {{{boolean, {2, 3, 4}}, 0, 1, Fill::booleans}});
  add(f64, {3, 2}, {3, 2}, {3, 2}, true, {{{f64, {3, 3}}}});
  add(f32, {2, 29, 5}, {2, 29, 5}, {2, 29, 5}, true, {}, 4);
  add(f32, {23, 3}, {11, 3}, {11, 4}, false, {}, 3);
  return list;
}

}  // namespace

const OpDef attention = {
    .name = "attention",
    .infer = infer_attention,
    .vjp = vjp_attention,
    .reference = reference_attention,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return cost_of(in, out, 2); },
    .samples = [] { return samples_of(false); },
};

const OpDef attention_backward = {
    .name = "attention_backward",
    .infer = infer_backward,
    .vjp = vjp_backward,
    .reference = reference_backward,
    .cost = [](const Attrs&, std::span<const Spec> in,
               std::span<const Spec> out) { return cost_of(in, out, 5); },
    .samples = [] { return samples_of(true); },
};

}  // namespace op_defs
}  // namespace nacre
