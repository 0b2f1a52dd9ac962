// sort {axis, descending}, top_k {k, axis, largest}: values and i64 indices; searchsorted {right}.
#include "nacre/ops/index/sort.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nacre/ops/define/emit.h"
#include "nacre/ops/define/op_defs.h"
#include "nacre/ops/define/strided.h"
#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/scatter.h"

namespace nacre {

Sorted sort_with_indices(const Operand& x, const SortOptions& options) {
  const Tensor t = x.tensor();
  const TensorList out =
      emit(Op::sort, {{"axis", options.axis}, {"descending", options.descending}}, {&t, 1}, x.at());
  return {out[0], out[1]};
}
Tensor sort(const Operand& x, const SortOptions& options) {
  return sort_with_indices(x, options).values;
}
Tensor argsort(const Operand& x, const SortOptions& options) {
  return sort_with_indices(x, options).indices;
}

Sorted top_k(const Operand& x, std::int64_t k, const TopKOptions& options) {
  const Tensor t = x.tensor();
  const TensorList out = emit(
      Op::top_k, {{"k", k}, {"axis", options.axis}, {"largest", options.largest}}, {&t, 1}, x.at());
  return {out[0], out[1]};
}

Tensor searchsorted(const Operand& sorted, const Operand& values, const SearchOptions& options) {
  DType dtype = promote(sorted.dtype(), values.dtype());
  Operand v = values;
  if (values.is_number()) {
    dtype = sorted.dtype();
    if (!is_floating(dtype)) {
      // Between integers, a fraction stands where the next whole number does.
      const double real = values.number();
      const Number whole = values.is_whole_number() ? values.exact()
                           : options.right          ? Number(std::floor(real))
                                                    : Number(std::ceil(real));
      const bool held = dtype == i64 && whole.truncated().has_value();
      // Numbers that the dtype does not hold are compared in i64 or f64.
      if (!held) dtype = whole.truncated() ? i64 : f64;
      v = Operand(whole, values.at());
    }
  }
  const Tensor searched = v.is_number() ? v.tensor(dtype) : cast(v, dtype);
  return emit_one(Op::searchsorted, {{"right", options.right}}, {cast(sorted, dtype), searched},
                  sorted.at());
}

namespace op_defs {
namespace {

using G = const VjpContext&;
using L = TensorList;

// a before b in ascending order, with NaN last.
template <class T>
bool before(T a, T b) {
  return a < b || (a == a && b != b);
}

SpecList infer_sort(const InferContext& c) {
  c.expect_inputs(1);
  static_cast<void>(c.axis(c.attrs.integer("axis"), c.inputs[0].shape.rank()));
  return {c.inputs[0], {i64, c.inputs[0].shape}};
}

SpecList infer_top_k(const InferContext& c) {
  c.expect_inputs(1);
  Shape out = c.inputs[0].shape;
  const int axis = c.axis(c.attrs.integer("axis"), out.rank());
  const std::int64_t k = c.attrs.integer("k");
  if (k < 0 || k > out[axis]) {
    c.fail_value(
        fmt::format("{} elements of axis {} of size {} are asked for", k, axis, out[axis]));
  }
  out.set(axis, k);
  return {{c.inputs[0].dtype, out}, {i64, out}};
}

// The first `count` elements of each lane in order; equal ones keep theirs.
void order_lanes(const ReferenceContext& c, bool descending, std::int64_t count) {
  const AxisView view(c.in_shape(), c.attrs.integer("axis"));
  auto* places = static_cast<std::int64_t*>(c.out[1]);
  std::vector<std::int64_t> order(static_cast<std::size_t>(view.length));
  visit_dtype(c.in_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = static_cast<const T*>(c.in[0]);
    T* out = static_cast<T*>(c.out[0]);
    for (std::int64_t lane = 0; lane < view.outer * view.inner; ++lane) {
      const std::int64_t o = lane / view.inner;
      const std::int64_t i = lane % view.inner;
      const T* from = in + o * view.length * view.inner + i;
      std::iota(order.begin(), order.end(), 0);
      // Ties are broken by the place, so that any sort is stable.
      const auto first = [&](std::int64_t a, std::int64_t b) {
        const T x = from[a * view.inner];
        const T y = from[b * view.inner];
        if (descending ? before(y, x) : before(x, y)) return true;
        if (descending ? before(x, y) : before(y, x)) return false;
        return a < b;
      };
      std::partial_sort(order.begin(), order.begin() + count, order.end(), first);
      for (std::int64_t k = 0; k < count; ++k) {
        const std::int64_t at = (o * count + k) * view.inner + i;
        out[at] = from[order[static_cast<std::size_t>(k)] * view.inner];
        places[at] = order[static_cast<std::size_t>(k)];
      }
    }
  });
}

L vjp_order(G c) {
  return {nacre::put_along_axis(zeros_like(c.in(0)), c.out(1), c.ct(),
                                static_cast<int>(c.attrs.integer("axis")), ScatterMode::add)};
}

SpecList infer_searchsorted(const InferContext& c) {
  c.expect_inputs(2);
  c.expect_same_dtype();
  const Shape& sorted = c.inputs[0].shape;
  const Shape& values = c.inputs[1].shape;
  bool fits = sorted.rank() == 1 || (sorted.rank() > 1 && sorted.rank() == values.rank());
  for (int i = 0; fits && sorted.rank() > 1 && i + 1 < sorted.rank(); ++i) {
    fits = sorted[i] == values[i];
  }
  if (!fits) {
    c.fail_shape(fmt::format("shapes {} and {} do not have equal leading axes", to_string(sorted),
                             to_string(values)),
                 "the sorted tensor may be a vector, for values of any shape");
  }
  return {{i64, values}};
}

void reference_searchsorted(const ReferenceContext& c) {
  const bool right = c.attrs.flag("right");
  const std::int64_t n = c.in_shape(0).at_back(-1);
  const std::int64_t total = c.in_shape(1).elements();
  const std::int64_t lanes =
      c.in_shape(0).rank() > 1 ? c.in_shape(0).elements() / std::max<std::int64_t>(1, n) : 1;
  auto* out = static_cast<std::int64_t*>(c.out[0]);
  visit_dtype(c.in_specs[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* sorted = static_cast<const T*>(c.in[0]);
    const T* values = static_cast<const T*>(c.in[1]);
    for (std::int64_t i = 0; i < total; ++i) {
      const std::int64_t lane = n > 0 ? i / std::max<std::int64_t>(1, total / lanes) : 0;
      const T* begin = sorted + lane * n;
      const T* found = right ? std::upper_bound(begin, begin + n, values[i], before<T>)
                             : std::lower_bound(begin, begin + n, values[i], before<T>);
      out[i] = found - begin;
    }
  });
}

Sample order_sample(Spec spec, Attrs attrs) {
  return {.inputs = {{spec, -9, 9, is_floating(spec.dtype) ? Fill::distinct : Fill::integers}},
          .attrs = std::move(attrs),
          .check_gradient = is_floating(spec.dtype)};
}

}  // namespace

const OpDef sort = {
    .name = "sort",
    .infer = infer_sort,
    .vjp = vjp_order,
    .reference =
        [](const ReferenceContext& c) {
          order_lanes(c, c.attrs.flag("descending"),
                      AxisView(c.in_shape(), c.attrs.integer("axis")).length);
        },
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](int axis, bool descending) {
        return Attrs{{"axis", axis}, {"descending", descending}};
      };
      return {order_sample({f32, {3, 7}}, attrs(-1, false)),
              order_sample({f64, {5, 3}}, attrs(0, true)),
              order_sample({f32, {2, 33, 2}}, attrs(1, false)),
              order_sample({i32, {4, 17}}, attrs(1, true)),
              order_sample({u8, {65}}, attrs(0, false))};
    },
};

const OpDef top_k = {
    .name = "top_k",
    .infer = infer_top_k,
    .vjp = vjp_order,
    .reference =
        [](const ReferenceContext& c) {
          order_lanes(c, c.attrs.flag("largest"), c.attrs.integer("k"));
        },
    .onnx = "TopK",
    .samples = []() -> std::vector<Sample> {
      const auto attrs = [](std::int64_t k, int axis, bool largest) {
        return Attrs{{"k", k}, {"axis", axis}, {"largest", largest}};
      };
      return {order_sample({f32, {3, 7}}, attrs(3, -1, true)),
              order_sample({f64, {5, 3}}, attrs(2, 0, false)),
              order_sample({f32, {2, 33, 2}}, attrs(1, 1, true)),
              order_sample({i64, {4, 17}}, attrs(17, 1, true))};
    },
};

const OpDef searchsorted = {
    .name = "searchsorted",
    .infer = infer_searchsorted,
    .gradient = Gradient::zero,
    .gradient_hint = "a place in an order has no gradient",
    .reference = reference_searchsorted,
    .samples = []() -> std::vector<Sample> {
      // Bins of one element are sorted whatever they hold.
      return {{.inputs = {{{f32, {1}}}, {{f32, {3, 7}}}}, .attrs = {{"right", false}}},
              {.inputs = {{{f64, {4, 1}}}, {{f64, {4, 9}}}}, .attrs = {{"right", true}}},
              {.inputs = {{{i32, {1}}, 0, 3, Fill::integers}, {{i32, {17}}, 0, 3, Fill::integers}},
               .attrs = {{"right", true}}}};
    },
};

}  // namespace op_defs
}  // namespace nacre
