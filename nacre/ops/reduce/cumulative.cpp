// cumsum, cumprod {axis, exclusive, reverse}; cummax, cummin {axis}.
#include "nacre/ops/reduce/cumulative.h"

#include <cmath>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/rules.h"
#include "nacre/ops/index/scatter.h"
#include "nacre/ops/shape/pad.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

Tensor scan(Op op, const Operand& x, int axis, const ScanOptions& options) {
  const bool widen = x.dtype() == boolean || (is_integral(x.dtype()) && x.dtype() != i64);
  return emit_one(op,
                  {{"axis", axis}, {"exclusive", options.exclusive}, {"reverse", options.reverse}},
                  {widen ? cast(x, i64) : x.tensor()}, x.at());
}

Extremes extremes(Op op, const Operand& x, int axis) {
  const Tensor t = x.tensor();
  const TensorList out = emit(op, {{"axis", axis}}, {&t, 1}, x.at());
  return {out[0], out[1]};
}

}  // namespace

Tensor cumsum(const Operand& x, int axis, const ScanOptions& options) {
  return scan(Op::cumsum, x, axis, options);
}
Tensor cumprod(const Operand& x, int axis, const ScanOptions& options) {
  return scan(Op::cumprod, x, axis, options);
}
Extremes cummax(const Operand& x, int axis) { return extremes(Op::cummax, x, axis); }
Extremes cummin(const Operand& x, int axis) { return extremes(Op::cummin, x, axis); }

namespace op_defs {
namespace {

SpecList infer_scan(const InferContext& c) {
  c.expect_inputs(1);
  if (c.inputs[0].dtype == boolean) {
    c.fail_dtype("numbers expected, bool given", "convert it with x.to(nacre::i64)");
  }
  static_cast<void>(c.axis(c.attrs.integer("axis"), c.inputs[0].shape.rank()));
  return {c.inputs[0]};
}

SpecList infer_extremes(const InferContext& c) {
  const SpecList same = infer_scan(c);
  return {same[0], {i64, same[0].shape}};
}

// Integers in i64, floats in double; `start` is the value of no elements.
template <class Wide, auto combine>
void run_scan(const ReferenceContext& c, double start, const Wide* in, Wide* out) {
  const AxisView view(c.in_shape(), c.attrs.integer("axis"));
  const bool exclusive = c.attrs.flag("exclusive");
  const bool reverse = c.attrs.flag("reverse");
  for (std::int64_t o = 0; o < view.outer; ++o) {
    for (std::int64_t i = 0; i < view.inner; ++i) {
      Wide total = static_cast<Wide>(start);
      for (std::int64_t k = 0; k < view.length; ++k) {
        const std::int64_t at =
            (o * view.length + (reverse ? view.length - 1 - k : k)) * view.inner + i;
        const Wide next = combine(total, in[at]);
        out[at] = exclusive ? total : next;
        total = next;
      }
    }
  }
}

template <auto combine>
void reference_scan(const ReferenceContext& c, double start) {
  if (c.out_specs[0].dtype == i64) {
    run_scan<std::int64_t, combine>(c, start, static_cast<const std::int64_t*>(c.in[0]),
                                    static_cast<std::int64_t*>(c.out[0]));
    return;
  }
  const std::vector<double> in = c.load(0);
  std::vector<double> out(in.size());
  run_scan<double, combine>(c, start, in.data(), out.data());
  c.store(0, out);
}

template <bool want_greater>
void reference_extremes(const ReferenceContext& c) {
  const AxisView view(c.in_shape(), c.attrs.integer("axis"));
  auto* places = static_cast<std::int64_t*>(c.out[1]);
  visit_dtype(c.out_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = static_cast<const T*>(c.in[0]);
    T* out = static_cast<T*>(c.out[0]);
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        std::int64_t best = 0;
        for (std::int64_t k = 0; k < view.length; ++k) {
          const auto value = [&](std::int64_t place) {
            return in[(o * view.length + place) * view.inner + i];
          };
          const T a = value(best);
          const T b = value(k);
          if (b != b || (a == a && (want_greater ? !(b < a) : !(a < b)))) best = k;
          out[(o * view.length + k) * view.inner + i] = value(best);
          places[(o * view.length + k) * view.inner + i] = best;
        }
      }
    }
  });
}

L vjp_extremes(G c) {
  return {nacre::put_along_axis(zeros_like(c.in(0)), c.out(1), c.ct(),
                                static_cast<int>(c.attrs.integer("axis")), ScatterMode::add)};
}

L vjp_cumsum(G c) {
  return {emit_one(Op::cumsum, c.attrs.with("reverse", !c.attrs.flag("reverse")), {c.ct()}, {})};
}

// Elements moved `by` places up the axis, with `value` where none comes from; down for by < 0.
Tensor shifted(const Tensor& x, int axis, std::int64_t by, double value) {
  std::vector<std::pair<std::int64_t, std::int64_t>> widths(static_cast<std::size_t>(x.rank()));
  widths[static_cast<std::size_t>(axis)] = {by, -by};
  return nacre::pad(x, widths, {.value = value});
}

// The gradient by division, sum(ct * out) / x, fails where x is zero. Instead the products are
// built up by doubling, y[i] *= y[i - 1], y[i - 2], y[i - 4], ..., and that is taken back step by
// step: n log n products, and derivatives of any order hold.
L vjp_cumprod(G c) {
  const Tensor& x = c.in(0);
  const int rank = x.rank();
  const auto axis = static_cast<int>(c.attrs.integer("axis") < 0 ? c.attrs.integer("axis") + rank
                                                                 : c.attrs.integer("axis"));
  const std::int64_t n = x.shape()[axis];
  if (n == 0) return {c.ct()};
  const std::int64_t up = c.attrs.flag("reverse") ? -1 : 1;
  const bool exclusive = c.attrs.flag("exclusive");
  std::vector<Tensor> steps{exclusive ? shifted(x, axis, up, 1) : x};
  for (std::int64_t by = 1; by < n; by *= 2) {
    steps.push_back(steps.back() * shifted(steps.back(), axis, up * by, 1));
  }
  Tensor ct = c.ct();
  for (std::size_t k = steps.size() - 1; k-- > 0;) {
    const std::int64_t by = up * (std::int64_t{1} << k);
    ct = ct * shifted(steps[k], axis, by, 1) + shifted(ct * steps[k], axis, -by, 0);
  }
  return {exclusive ? shifted(ct, axis, -up, 0) : ct};
}

std::vector<Sample> scan_samples() {
  const auto sample = [](Spec spec, int axis, bool exclusive, bool reverse) {
    return Sample{
        .inputs = {{spec, -2, 2, is_floating(spec.dtype) ? Fill::uniform : Fill::integers}},
        .attrs = {{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}},
        .check_gradient = is_floating(spec.dtype)};
  };
  return {sample({f32, {3, 7}}, 1, false, false),  sample({f64, {2, 5, 3}}, 1, true, false),
          sample({f32, {9}}, 0, false, true),      sample({f32, {4, 6}}, -1, true, true),
          sample({f32, {33, 5}}, 0, false, false), sample({i64, {2, 9}}, 1, false, true)};
}

std::vector<Sample> extreme_samples() {
  const auto sample = [](Spec spec, int axis) {
    return Sample{
        .inputs = {{spec, -9, 9, is_floating(spec.dtype) ? Fill::distinct : Fill::integers}},
        .attrs = {{"axis", axis}},
        .check_gradient = is_floating(spec.dtype)};
  };
  return {sample({f32, {3, 7}}, 1), sample({f64, {2, 5, 3}}, -2), sample({f32, {65}}, 0),
          sample({i32, {4, 9}}, 1)};
}

}  // namespace

const OpDef cumsum = {
    .name = "cumsum",
    .infer = infer_scan,
    .vjp = vjp_cumsum,
    .reference =
        [](const ReferenceContext& c) {
          reference_scan<[](auto a, auto b) {
            if constexpr (std::is_integral_v<decltype(a)>) {
              return wrapping_add(a, b);
            } else {
              return a + b;
            }
          }>(c, 0);
        },
    .onnx = "CumSum",
    .samples = scan_samples,
};
const OpDef cumprod = {
    .name = "cumprod",
    .infer = infer_scan,
    .vjp = vjp_cumprod,
    .reference =
        [](const ReferenceContext& c) {
          reference_scan<[](auto a, auto b) {
            if constexpr (std::is_integral_v<decltype(a)>) {
              return wrapping_mul(a, b);
            } else {
              return a * b;
            }
          }>(c, 1);
        },
    .samples = scan_samples,
};
const OpDef cummax = {
    .name = "cummax",
    .infer = infer_extremes,
    .vjp = vjp_extremes,
    .reference = reference_extremes<true>,
    .samples = extreme_samples,
};
const OpDef cummin = {
    .name = "cummin",
    .infer = infer_extremes,
    .vjp = vjp_extremes,
    .reference = reference_extremes<false>,
    .samples = extreme_samples,
};

}  // namespace op_defs
}  // namespace nacre
