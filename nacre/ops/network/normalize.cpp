// normalize {axes, epsilon, center}: (x, [weight, [bias]]) -> (y, mean, variance), the statistics
// with the reduced axes as 1. With center = false the mean is taken as 0 (RMS norm).
// normalize_backward: (ct, x, mean, variance, [weight]) -> (dx, [dweight, dbias]).
#include "nacre/ops/network/normalization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;
using Ints = std::vector<std::int64_t>;

bool centered(const Attrs& attrs) { return attrs.flag_or("center", true); }

std::vector<std::int64_t> axes_of(const Attrs& attrs, int rank) {
  Ints axes = attrs.integers("axes");
  for (std::int64_t& a : axes) a += a < 0 ? rank : 0;
  return axes;
}

Shape statistics_shape(const Attrs& attrs, const Shape& x) {
  Shape s = x;
  for (const std::int64_t a : axes_of(attrs, x.rank())) s.set(static_cast<int>(a), 1);
  return s;
}

void check_parameter(const InferContext& c, std::size_t i, std::string_view role, const Spec& x) {
  Shape both;
  if (!broadcast_shapes(c.inputs[i].shape, x.shape, both) || !(both == x.shape)) {
    c.fail_shape(fmt::format("the {} of shape {} does not broadcast to {}", role,
                             to_string(c.inputs[i].shape), to_string(x.shape)),
                 "it has the shape of the normalised axes");
  }
  if (c.inputs[i].dtype != x.dtype) {
    c.fail_dtype(fmt::format("the {} is {}, the input {}", role, name_of(c.inputs[i].dtype),
                             name_of(x.dtype)),
                 "convert one of them with x.to(dtype)");
  }
}

void check_normalize(const InferContext& c, const Spec& x) {
  if (!is_floating(x.dtype)) {
    c.fail_dtype(fmt::format("floating point expected, {} given", name_of(x.dtype)),
                 "convert it with x.to(nacre::f32)");
  }
  const Ints& axes = c.attrs.integers("axes");
  if (axes.empty()) c.fail_value("no axes given to normalize over");
  static_cast<void>(c.axes(axes, x.shape.rank()));
  if (!(c.attrs.number("epsilon") >= 0)) {
    c.fail_value(fmt::format("epsilon must not be negative, it is {}", c.attrs.number("epsilon")));
  }
}

SpecList infer_normalize(const InferContext& c) {
  if (c.inputs.size() != 2 && c.inputs.size() != 3) c.expect_inputs(1);
  const Spec& x = c.inputs[0];
  check_normalize(c, x);
  if (c.inputs.size() > 1) check_parameter(c, 1, "weight", x);
  if (c.inputs.size() > 2) check_parameter(c, 2, "bias", x);
  const Spec statistics{statistics_dtype(x.dtype), statistics_shape(c.attrs, x.shape)};
  return {x, statistics, statistics};
}

SpecList infer_backward(const InferContext& c) {
  if (c.inputs.size() != 5) c.expect_inputs(4);
  const Spec& x = c.inputs[1];
  check_normalize(c, x);
  if (!(c.inputs[0] == x)) {
    c.fail_shape(
        fmt::format("a gradient {} expected, {} given", to_string(x), to_string(c.inputs[0])));
  }
  const Spec statistics{statistics_dtype(x.dtype), statistics_shape(c.attrs, x.shape)};
  for (const std::size_t i : {2, 3}) {
    if (c.inputs[i].dtype != statistics.dtype) {
      c.fail_dtype(fmt::format("statistics of dtype {} expected, {} given",
                               name_of(statistics.dtype), name_of(c.inputs[i].dtype)));
    }
    if (!(c.inputs[i] == statistics)) {
      c.fail_shape(fmt::format("statistics {} expected, {} given", to_string(statistics),
                               to_string(c.inputs[i])));
    }
  }
  if (c.inputs.size() == 4) return {x};
  check_parameter(c, 4, "weight", x);
  return {x, c.inputs[4], c.inputs[4]};
}

// Sums and means over the normalised axes, with them kept as 1.
struct Over {
  std::vector<int> axes;
  double count;

  Over(const Attrs& attrs, const Shape& x) {
    const Ints list = attrs.integers("axes");
    axes.assign(list.begin(), list.end());
    count = static_cast<double>(x.elements()) /
            static_cast<double>(std::max<std::int64_t>(1, statistics_shape(attrs, x).elements()));
  }
  Tensor sum(const Tensor& t) const { return nacre::sum(t, axes, true); }
  Tensor mean(const Tensor& t) const { return nacre::mean(t, axes, true); }
};

L emit_backward(const Attrs& attrs, const Tensor& ct, const Tensor& x, const Tensor& mean,
                const Tensor& variance, const Tensor& weight) {
  Tensors inputs = {ct, x, mean, variance};
  if (weight.defined()) inputs.push_back(weight);
  return emit(Op::normalize_backward, attrs, inputs, {});
}

L vjp_normalize(G c) {
  const Tensor& x = c.in(0);
  const Over over(c.attrs, x.shape());
  Tensor dx;
  Tensor dweight;
  Tensor dbias;
  if (c.cotangents[0].defined()) {
    const L out = emit_backward(c.attrs, c.ct(0), x, c.out(1), c.out(2),
                                c.inputs.size() > 1 ? c.in(1) : Tensor());
    dx = out[0];
    if (c.inputs.size() > 1) dweight = out[1];
    if (c.inputs.size() > 2)
      dbias = c.in(2).shape() == c.in(1).shape() ? out[2] : sum_to(c.ct(0), c.in(2).shape());
  }
  const auto add_direct = [&](const Tensor& part) {
    const Tensor full = nacre::broadcast_to(nacre::cast(part, x.dtype()), x.shape());
    dx = dx.defined() ? dx + full : full;
  };
  if (centered(c.attrs) && c.cotangents[1].defined()) add_direct(c.ct(1) * (1 / over.count));
  if (c.cotangents[2].defined()) {
    const Tensor distance = centered(c.attrs) ? x - c.out(1) : x;
    add_direct(c.ct(2) * (2 / over.count) * distance);
  }
  L out = {dx};
  if (c.inputs.size() > 1) out.push_back(dweight);
  if (c.inputs.size() > 2) out.push_back(dbias);
  return out;
}

// With xhat = (x - mean) r, r = (variance + epsilon)^-1/2, g = ct * weight and m() the mean:
// dx = r (g - m(g) - xhat m(g xhat)), dweight = sum(ct xhat), dbias = sum(ct). The first is its own
// adjoint in g; the rest follows by the product rule.
L vjp_backward(G c) {
  const bool center = centered(c.attrs);
  const bool weighted = c.inputs.size() == 5;
  const Tensor& ct = c.in(0);
  const Tensor& x = c.in(1);
  const Over over(c.attrs, x.shape());
  const Tensor shifted = c.in(3) + c.attrs.number("epsilon");
  const Tensor r = nacre::rsqrt(shifted);
  const Tensor xhat = (center ? x - c.in(2) : x) * r;
  const Tensor g = weighted ? ct * c.in(4) : ct;
  Tensor dct;
  Tensor dxhat;
  Tensor dvariance;
  Tensor dweight;
  const auto accumulate = [](Tensor& total, const Tensor& part) {
    total = total.defined() ? total + part : part;
  };
  if (c.cotangents[0].defined()) {
    const Tensor u = c.ct(0);
    const Tensor dg = emit_backward(c.attrs, u, x, c.in(2), c.in(3), {})[0];
    const Tensor along = over.mean(g * xhat);
    dct = weighted ? dg * c.in(4) : dg;
    if (weighted) dweight = sum_to(dg * ct, c.in(4).shape());
    dxhat = -r * (u * along + g * over.mean(u * xhat));
    const Tensor dx = r * (g - xhat * along - (center ? over.mean(g) : zeros_like(along)));
    dvariance = -0.5 * over.sum(u * dx) / shifted;
  }
  if (weighted && c.cotangents[1].defined()) {
    accumulate(dct, c.ct(1) * xhat);
    accumulate(dxhat, c.ct(1) * ct);
  }
  if (weighted && c.cotangents[2].defined())
    accumulate(dct, nacre::broadcast_to(c.ct(2), ct.shape()));
  Tensor dx;
  Tensor dmean;
  if (dxhat.defined()) {
    dx = dxhat * r;
    if (center) dmean = -over.sum(dx);
    accumulate(dvariance, -0.5 * over.sum(dxhat * xhat) / shifted);
  }
  const auto as = [](const Tensor& t, const Tensor& like) {
    return t.defined() ? nacre::cast(t, like.dtype()) : t;
  };
  L out = {as(dct, ct), as(dx, x), as(dmean, c.in(2)), as(dvariance, c.in(3))};
  if (weighted) out.push_back(as(dweight, c.in(4)));
  return out;
}

// The offsets of a broadcast input for every element of x, in order.
std::vector<std::size_t> offsets(const Shape& from, const Shape& x) {
  std::vector<std::size_t> out(static_cast<std::size_t>(x.elements()));
  BroadcastWalk walk(from, x);
  for (std::size_t& o : out) {
    o = static_cast<std::size_t>(walk.offset());
    walk.next();
  }
  return out;
}

void reference_normalize(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const Shape& s = c.out_shape(1);
  const std::vector<std::size_t> at = offsets(s, c.in_shape(0));
  const double count =
      static_cast<double>(x.size()) / static_cast<double>(std::max<std::int64_t>(1, s.elements()));
  std::vector<double> mean(static_cast<std::size_t>(s.elements()));
  std::vector<double> variance(mean.size());
  if (centered(c.attrs)) {
    for (std::size_t i = 0; i < x.size(); ++i) mean[at[i]] += x[i] / count;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    variance[at[i]] += (x[i] - mean[at[i]]) * (x[i] - mean[at[i]]) / count;
  }
  std::vector<double> y = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = (x[i] - mean[at[i]]) / std::sqrt(variance[at[i]] + c.attrs.number("epsilon"));
  }
  for (std::size_t k = 1; k < c.in_specs.size(); ++k) {
    const std::vector<double> p = c.load(k);
    const std::vector<std::size_t> w = offsets(c.in_shape(k), c.in_shape(0));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (k == 1) y[i] *= p[w[i]];
      if (k == 2) y[i] += p[w[i]];
    }
  }
  c.store(0, y);
  c.store(1, mean);
  c.store(2, variance);
}

void reference_backward(const ReferenceContext& c) {
  const std::vector<double> ct = c.load(0);
  const std::vector<double> x = c.load(1);
  const std::vector<double> mean = c.load(2);
  std::vector<double> variance = c.load(3);
  const std::vector<std::size_t> at = offsets(c.in_shape(2), c.in_shape(1));
  const double count =
      static_cast<double>(x.size()) / static_cast<double>(std::max<std::size_t>(1, mean.size()));
  const bool center = centered(c.attrs);
  // Those that their dtype does not hold are computed again.
  std::vector<bool> again(variance.size());
  for (std::size_t i = 0; i < variance.size(); ++i) {
    again[i] = std::isinf(variance[i]);
    if (again[i]) variance[i] = 0;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double distance = x[i] - (center ? mean[at[i]] : 0);
    if (again[at[i]]) variance[at[i]] += distance * distance / count;
  }
  std::vector<double> g = ct;
  std::vector<double> xhat(x.size());
  std::vector<double> r(mean.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    r[i] = 1 / std::sqrt(variance[i] + c.attrs.number("epsilon"));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xhat[i] = (x[i] - (center ? mean[at[i]] : 0)) * r[at[i]];
  }
  if (c.in_specs.size() == 5) {
    const std::vector<double> weight = c.load(4);
    const std::vector<std::size_t> w = offsets(c.in_shape(4), c.in_shape(1));
    std::vector<double> dweight(weight.size());
    std::vector<double> dbias(weight.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      g[i] *= weight[w[i]];
      dweight[w[i]] += ct[i] * xhat[i];
      dbias[w[i]] += ct[i];
    }
    c.store(1, dweight);
    c.store(2, dbias);
  }
  std::vector<double> plain(mean.size());
  std::vector<double> along(mean.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (center) plain[at[i]] += g[i] / count;
    along[at[i]] += g[i] * xhat[i] / count;
  }
  std::vector<double> dx(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    dx[i] = r[at[i]] * (g[i] - plain[at[i]] - xhat[i] * along[at[i]]);
  }
  c.store(0, dx);
}

struct Case {
  DType dtype;
  Shape x;
  Ints axes;
  Shape weight;
  bool center = true;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {f32, {5, 37}, {-1}, {37}},
      {f32, {3, 4, 33}, {1, 2}, {4, 33}},
      {f32, {6, 3, 5, 7}, {0, 2, 3}, {3, 1, 1}},
      {f32, {9, 19}, {0}, {19}},
      {f32, {2, 3, 35}, {2}, {3, 1}},
      {f32, {4, 5, 6, 3}, {1, 3}, {3}},
      {f64, {2, 5, 3}, {-1}, {3}},
      {f32, {4, 29}, {-1}, {29}, false},
      {f32, {4, 2, 9, 5}, {0, 1, 2}, {5}},
  };
  return list;
}

Attrs attrs_of(const Case& k) {
  return {{"axes", k.axes}, {"epsilon", 1e-3}, {"center", k.center}};
}

std::vector<Sample> samples_normalize() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    const SampleInput x{{k.dtype, k.x}};
    const SampleInput w{{k.dtype, k.weight}};
    list.push_back({.inputs = {x, w, w}, .attrs = attrs_of(k), .tolerance_scale = 4});
    if (list.size() > 6) continue;
    list.push_back({.inputs = {x}, .attrs = attrs_of(k), .tolerance_scale = 4});
    list.push_back({.inputs = {x, w}, .attrs = attrs_of(k), .tolerance_scale = 4});
  }
  return list;
}

std::vector<Sample> samples_backward() {
  std::vector<Sample> list;
  for (const Case& k : cases()) {
    const SampleInput x{{k.dtype, k.x}};
    const Shape s = statistics_shape(attrs_of(k), k.x);
    const SampleInput mean{{k.dtype, s}, -0.5, 0.5};
    const SampleInput variance{{k.dtype, s}, 0.5, 2};
    list.push_back({.inputs = {x, x, mean, variance, {{k.dtype, k.weight}}},
                    .attrs = attrs_of(k),
                    .tolerance_scale = 10});
    if (list.size() < 5) {
      list.push_back(
          {.inputs = {x, x, mean, variance}, .attrs = attrs_of(k), .tolerance_scale = 10});
    }
  }
  return list;
}

}  // namespace

const OpDef normalize = {
    .name = "normalize",
    .infer = infer_normalize,
    .vjp = vjp_normalize,
    .reference = reference_normalize,
    .onnx = "LayerNormalization",
    .samples = samples_normalize,
};

const OpDef normalize_backward = {
    .name = "normalize_backward",
    .infer = infer_backward,
    .vjp = vjp_backward,
    .reference = reference_backward,
    .samples = samples_backward,
};

}  // namespace op_defs
}  // namespace nacre
