// The reductions as ops: shape rules, references, gradients, samples. Attributes: axes (sorted,
// from the front), keep_dims.
#include "nacre/ops/reduce/reduce.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/reduce/cumulative.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace op_defs {
namespace {

Shape reduced_shape(const Shape& in, const std::vector<std::int64_t>& axes, bool keep_dims) {
  Shape out;
  std::size_t next = 0;
  for (int i = 0; i < in.rank(); ++i) {
    const bool gone = next < axes.size() && axes[next] == i;
    if (gone) ++next;
    if (!gone) out.push_back(in[i]);
    if (gone && keep_dims) out.push_back(1);
  }
  return out;
}

SpecList infer_reduce(const InferContext& c) {
  c.expect_inputs(1);
  const Spec& in = c.inputs[0];
  if (in.dtype == boolean) c.fail_dtype("numbers expected, bool given", "use any or all");
  const auto axes = c.axes(c.attrs.integers("axes"), in.shape.rank());
  return {{in.dtype, reduced_shape(in.shape, axes, c.attrs.flag("keep_dims"))}};
}

SpecList infer_extremum(const InferContext& c) {
  const SpecList out = infer_reduce(c);
  if (c.inputs[0].elements() == 0 && out[0].elements() > 0) {
    c.fail_shape("the extreme of no elements is not defined");
  }
  return out;
}

SpecList infer_logical(const InferContext& c) {
  c.expect_inputs(1);
  const Spec& in = c.inputs[0];
  if (in.dtype != boolean) {
    c.fail_dtype(fmt::format("bool expected, {} given", name_of(in.dtype)), "compare it: x > 0");
  }
  const auto axes = c.axes(c.attrs.integers("axes"), in.shape.rank());
  return {{boolean, reduced_shape(in.shape, axes, c.attrs.flag("keep_dims"))}};
}

SpecList infer_floats(const InferContext& c) {
  const SpecList out = infer_reduce(c);
  c.expect_floating(0);
  return out;
}

SpecList infer_arg(const InferContext& c) {
  c.expect_inputs(1);
  const Shape& in = c.inputs[0].shape;
  const int axis = c.axis(c.attrs.integer("axis"), in.rank());
  if (in[axis] == 0) c.fail_shape("the axis has no elements");
  return {{i64, reduced_shape(in, {axis}, c.attrs.flag("keep_dims"))}};
}

// Calls f(input offset, output offset) for each input element in order.
template <class F>
void for_each_reduced(const ReferenceContext& c, const std::vector<std::int64_t>& given, F&& f) {
  const Shape& in = c.in_shape();
  std::vector<std::int64_t> axes = given;
  for (std::int64_t& a : axes) a += a < 0 ? in.rank() : 0;
  Shape kept = in;
  for (int i = 0; i < in.rank(); ++i) {
    const bool gone = axes.empty() || std::find(axes.begin(), axes.end(), i) != axes.end();
    if (gone) kept.set(i, 1);
  }
  BroadcastWalk walk(kept, in);
  for (std::int64_t i = 0; i < in.elements(); ++i, walk.next()) {
    f(static_cast<std::size_t>(i), static_cast<std::size_t>(walk.offset()));
  }
}

// Floats in double, integers exactly, modulo 2^64.
template <auto F, class C>
void reduce_as(const ReferenceContext& c) {
  const std::vector<C> x = load_as<C>(c, 0);
  std::vector<C> out(static_cast<std::size_t>(c.out_shape().elements()));
  std::vector<bool> started(out.size());
  for_each_reduced(c, c.attrs.integers("axes"), [&](std::size_t i, std::size_t o) {
    out[o] = started[o] ? F(out[o], x[i]) : x[i];
    started[o] = true;
  });
  store_any(c, out);
}
template <auto F>
void reduce_reference(const ReferenceContext& c) {
  is_floating(c.in_specs[0].dtype) ? reduce_as<F, double>(c) : reduce_as<F, std::int64_t>(c);
}

// How many elements go into one of the results.
double count_of(const Shape& in, const Shape& out) {
  return static_cast<double>(in.elements()) /
         static_cast<double>(std::max<std::int64_t>(1, out.elements()));
}

// Shares are added up, since the sum may overflow.
void mean_reference(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const double count = count_of(c.in_shape(), c.out_shape());
  std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()), 0 / count);
  for_each_reduced(c, c.attrs.integers("axes"),
                   [&](std::size_t i, std::size_t o) { out[o] += x[i] / count; });
  c.store(0, out);
}

// Of numbers relative to the largest, so that no square overflows or vanishes; with `mean` the mean
// of the squares.
template <bool mean>
void norm_reference(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const double count = count_of(c.in_shape(), c.out_shape());
  const auto n = static_cast<std::size_t>(c.out_shape().elements());
  std::vector<double> largest(n);
  std::vector<double> out(n);
  const auto& axes = c.attrs.integers("axes");
  for_each_reduced(c, axes, [&](std::size_t i, std::size_t o) {
    const double size = std::fabs(x[i]);
    if (largest[o] < size || std::isnan(size)) largest[o] = size;
  });
  for_each_reduced(c, axes, [&](std::size_t i, std::size_t o) {
    const double part = x[i] / largest[o];
    out[o] += part * part;
  });
  for (std::size_t o = 0; o < n; ++o) {
    const bool regular = largest[o] > 0 && std::isfinite(largest[o]);
    out[o] = regular ? largest[o] * std::sqrt(mean ? out[o] / count : out[o]) : largest[o];
    if (mean) out[o] = count > 0 ? out[o] * out[o] : std::numeric_limits<double>::quiet_NaN();
  }
  c.store(0, out);
}

// The same from a value for no elements on, exactly for every dtype.
template <auto F>
void fold_reference(const ReferenceContext& c, double start) {
  const auto run = [&]<class T>(const T* in, T* out) {
    std::fill_n(out, c.out_shape().elements(), static_cast<T>(start));
    for_each_reduced(c, c.attrs.integers("axes"), [&](std::size_t i, std::size_t o) {
      out[o] = static_cast<T>(F(out[o], in[i]));
    });
  };
  if (is_floating(c.out_specs[0].dtype)) {
    std::vector<double> out(static_cast<std::size_t>(c.out_shape().elements()));
    run(c.load(0).data(), out.data());
    c.store(0, out);
    return;
  }
  visit_dtype(c.out_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      run(static_cast<const T*>(c.in[0]), static_cast<T*>(c.out[0]));
    }
  });
}

void logsumexp_reference(const ReferenceContext& c) {
  const std::vector<double> x = c.load(0);
  const auto n = static_cast<std::size_t>(c.out_shape().elements());
  std::vector<double> largest(n, -std::numeric_limits<double>::infinity());
  std::vector<double> total(n, 0);
  const auto& axes = c.attrs.integers("axes");
  for_each_reduced(c, axes, [&](std::size_t i, std::size_t o) {
    if (largest[o] < x[i] || std::isnan(x[i])) largest[o] = x[i];
  });
  for_each_reduced(c, axes, [&](std::size_t i, std::size_t o) {
    total[o] += std::isinf(largest[o]) ? 0 : std::exp(x[i] - largest[o]);
  });
  for (std::size_t o = 0; o < n; ++o) {
    total[o] = std::isinf(largest[o]) ? largest[o] : largest[o] + std::log(total[o]);
  }
  c.store(0, total);
}

// The first of the best; NaN is best of all.
template <bool largest, class C>
void arg_as(const ReferenceContext& c) {
  const std::vector<C> x = load_as<C>(c, 0);
  std::vector<C> best(static_cast<std::size_t>(c.out_shape().elements()));
  std::vector<std::int64_t> where(best.size(), -1);
  std::vector<std::int64_t> seen(best.size());
  for_each_reduced(c, {c.attrs.integer("axis")}, [&](std::size_t i, std::size_t o) {
    const bool better =
        (largest ? best[o] < x[i] : x[i] < best[o]) || (x[i] != x[i] && best[o] == best[o]);
    if (where[o] < 0 || better) {
      best[o] = x[i];
      where[o] = seen[o];
    }
    ++seen[o];
  });
  store_integers(c, 0, where);
}
template <bool largest>
void arg_reference(const ReferenceContext& c) {
  is_floating(c.in_specs[0].dtype) ? arg_as<largest, double>(c) : arg_as<largest, std::int64_t>(c);
}

// The reduced value with the reduced axes back as 1, to broadcast against the input.
Tensor restored(const VjpContext& c, const Tensor& t) {
  Shape kept = c.in(0).shape();
  std::vector<std::int64_t> axes = c.attrs.integers("axes");
  for (std::int64_t& a : axes) a += a < 0 ? kept.rank() : 0;
  for (int i = 0; i < kept.rank(); ++i) {
    if (axes.empty() || std::find(axes.begin(), axes.end(), i) != axes.end()) kept.set(i, 1);
  }
  return nacre::reshape(t, kept);
}

L vjp_extremum(G c) {
  const Tensor mask = nacre::cast(nacre::equal(c.in(0), restored(c, c.out())), c.in(0).dtype());
  const Tensor count =
      restored(c, nacre::sum(mask, std::vector<int>(c.attrs.integers("axes").begin(),
                                                    c.attrs.integers("axes").end())));
  return {mask * (restored(c, c.ct()) / count)};
}

// The product of all others, without a division: it holds where elements are zero, at any order.
L vjp_prod(G c) {
  const Shape& in = c.in(0).shape();
  std::vector<std::int64_t> axes = c.attrs.integers("axes");
  for (std::int64_t& a : axes) a += a < 0 ? in.rank() : 0;
  std::vector<int> order;
  std::vector<int> reduced;
  for (int i = 0; i < in.rank(); ++i) {
    const bool gone = axes.empty() || std::find(axes.begin(), axes.end(), i) != axes.end();
    (gone ? reduced : order).push_back(i);
  }
  order.insert(order.end(), reduced.begin(), reduced.end());
  std::vector<int> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    back[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  }
  const std::int64_t lanes = c.out().elements();
  const Tensor moved = order.empty() ? c.in(0) : nacre::transpose(c.in(0), order);
  const Tensor flat = nacre::reshape(moved, Shape{lanes, lanes > 0 ? in.elements() / lanes : 0});
  const Tensor others = nacre::cumprod(flat, 1, {.exclusive = true}) *
                        nacre::cumprod(flat, 1, {.reverse = true, .exclusive = true});
  const Tensor gradient =
      nacre::reshape(others * nacre::reshape(c.ct(), Shape{lanes, 1}), moved.shape());
  return {order.empty() ? gradient : nacre::transpose(gradient, back)};
}

// x / norm is at most 1, so that nothing overflows on the way; 0 where the norm is.
L vjp_norm(G c) {
  const Tensor norm = restored(c, c.out());
  const Tensor zero = nacre::equal(norm, 0);
  const Tensor direction = c.in(0) / nacre::where(zero, 1, norm);
  return {nacre::where(zero, 0, restored(c, c.ct()) * direction)};
}

L vjp_logsumexp(G c) {
  const Tensor total = restored(c, c.out());
  // Of elements that are all -inf the softmax is taken as zero.
  const Tensor shift =
      nacre::where(nacre::equal(total, -std::numeric_limits<double>::infinity()), 0, total);
  return {restored(c, c.ct()) * nacre::exp(c.in(0) - shift)};
}

// Long lanes overflow a product: `long_lanes` leaves them out.
std::vector<Sample> samples_of(Fill fill, bool long_lanes = true) {
  std::vector<Sample> list;
  const auto add = [&](Shape shape, std::vector<std::int64_t> axes, bool keep, DType d) {
    if (fill == Fill::booleans) d = boolean;
    list.push_back(
        {.inputs = {{{d, shape}, -2, 2, fill}}, .attrs = {{"axes", axes}, {"keep_dims", keep}}});
  };
  add({3, 7}, {}, false, f32);
  add({3, 7}, {1}, false, f32);
  if (long_lanes) add({33, 65}, {0}, false, f32);
  add({2, 3, 5}, {0, 2}, true, f32);
  add({2, 3, 5}, {-2}, false, f64);
  if (long_lanes) add({4, 1027}, {-1}, true, f32);
  add({}, {}, false, f32);
  return list;
}
std::vector<Sample> arg_samples() {
  const auto sample = [](Shape shape, std::int64_t axis, bool keep) {
    return Sample{.inputs = {{{f32, shape}, -2, 2, Fill::distinct}},
                  .attrs = {{"axis", axis}, {"keep_dims", keep}}};
  };
  return {sample({3, 7}, -1, false), sample({3, 7}, 0, true), sample({2, 65, 3}, 1, false)};
}

constexpr OpDef logical_op(std::string_view name, ReferenceFn reference) {
  return {.name = name,
          .infer = infer_logical,
          .gradient = Gradient::zero,
          .reference = reference,
          .samples = [] { return samples_of(Fill::booleans); }};
}

constexpr OpDef arg_op(std::string_view name, ReferenceFn reference, std::string_view onnx) {
  return {.name = name,
          .infer = infer_arg,
          .gradient = Gradient::zero,
          .gradient_hint =
              "an index has no gradient; train on the scores themselves, for example "
              "softmax_cross_entropy(scores, labels), and take argmax only to predict",
          .reference = reference,
          .onnx = onnx,
          .samples = arg_samples};
}

}  // namespace

const OpDef reduce_sum = {
    .name = "reduce_sum",
    .infer = infer_reduce,
    .vjp = [](G c) -> L { return {nacre::broadcast_to(restored(c, c.ct()), c.in(0).shape())}; },
    .reference = reduce_reference<[](auto a, auto b) {
      if constexpr (std::is_integral_v<decltype(a)>) {
        return wrapping_add(a, b);
      } else {
        return a + b;
      }
    }>,
    .onnx = "ReduceSum",
    .samples = [] { return samples_of(Fill::uniform); },
};
const OpDef reduce_max = {
    .name = "reduce_max",
    .infer = infer_extremum,
    .vjp = vjp_extremum,
    .reference = reduce_reference<[](auto a, auto b) { return a < b || b != b ? b : a; }>,
    .onnx = "ReduceMax",
    .samples = [] { return samples_of(Fill::distinct); },
};
const OpDef reduce_min = {
    .name = "reduce_min",
    .infer = infer_extremum,
    .vjp = vjp_extremum,
    .reference = reduce_reference<[](auto a, auto b) { return b < a || b != b ? b : a; }>,
    .onnx = "ReduceMin",
    .samples = [] { return samples_of(Fill::distinct); },
};
const OpDef reduce_prod = {
    .name = "reduce_prod",
    .infer = infer_reduce,
    .vjp = vjp_prod,
    .reference =
        [](const ReferenceContext& c) {
          fold_reference<[](auto a, auto b) {
            if constexpr (std::is_integral_v<decltype(a)>) {  // wraps around, as in NumPy
              return static_cast<decltype(a)>(static_cast<std::uint64_t>(a) *
                                              static_cast<std::uint64_t>(b));
            } else {
              return a * b;
            }
          }>(c, 1);
        },
    .onnx = "ReduceProd",
    .samples = [] { return samples_of(Fill::uniform, false); },
};
const OpDef reduce_norm = {
    .name = "reduce_norm",
    .infer = infer_floats,
    .vjp = vjp_norm,
    .reference = norm_reference<false>,
    .onnx = "ReduceL2",
    .samples = [] { return samples_of(Fill::uniform); },
};
const OpDef reduce_mean = {
    .name = "reduce_mean",
    .infer = infer_floats,
    .vjp = [](G c) -> L {
      const double share = 1 / count_of(c.in(0).shape(), c.out().shape());
      return {nacre::broadcast_to(restored(c, c.ct() * share), c.in(0).shape())};
    },
    .reference = mean_reference,
    .onnx = "ReduceMean",
    .samples = [] { return samples_of(Fill::uniform); },
};
const OpDef reduce_mean_square = {
    .name = "reduce_mean_square",
    .infer = infer_floats,
    .vjp = [](G c) -> L {
      const double share = 2 / count_of(c.in(0).shape(), c.out().shape());
      return {restored(c, c.ct() * share) * c.in(0)};
    },
    .reference = norm_reference<true>,
    .samples = [] { return samples_of(Fill::uniform); },
};
const OpDef reduce_any = logical_op("reduce_any", [](const ReferenceContext& c) {
  fold_reference<[](auto a, auto b) { return a || b; }>(c, 0);
});
const OpDef reduce_all = logical_op("reduce_all", [](const ReferenceContext& c) {
  fold_reference<[](auto a, auto b) { return a && b; }>(c, 1);
});
const OpDef logsumexp = {
    .name = "logsumexp",
    .infer = infer_floats,
    .vjp = vjp_logsumexp,
    .reference = logsumexp_reference,
    .onnx = "ReduceLogSumExp",
    .samples = [] { return samples_of(Fill::uniform); },
};
const OpDef argmax = arg_op("argmax", arg_reference<true>, "ArgMax");
const OpDef argmin = arg_op("argmin", arg_reference<false>, "ArgMin");

}  // namespace op_defs
}  // namespace nacre
