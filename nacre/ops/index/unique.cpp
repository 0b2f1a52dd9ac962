#include "nacre/ops/index/unique.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/index/gather.h"
#include "nacre/ops/index/scatter.h"
#include "nacre/ops/index/sort.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/rearrange.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {
namespace {

template <class E>
[[noreturn]] void fail(const char* op, const std::string& what, const Tensor& x, const Location& at,
                       std::string_view hint = {}) {
  throw E(format_error({.op = op,
                        .what = what,
                        .inputs = "input " + to_string(x.spec()),
                        .location = at,
                        .hint = hint}));
}

// The order of the rows of [rows, width] and the number of the group each belongs to.
template <class T>
void group_rows(std::span<const T> values, std::int64_t rows, std::int64_t width,
                std::vector<std::int64_t>& order, std::vector<std::int64_t>& group) {
  const auto before = [](T a, T b) { return a < b || (a == a && b != b); };
  const auto compare = [&](std::int64_t a, std::int64_t b) {
    for (std::int64_t i = 0; i < width; ++i) {
      const T x = values[static_cast<std::size_t>(a * width + i)];
      const T y = values[static_cast<std::size_t>(b * width + i)];
      if (before(x, y)) return -1;
      if (before(y, x)) return 1;
    }
    return 0;
  };
  order.resize(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return compare(a, b) < 0; });
  group.resize(order.size());
  std::int64_t current = -1;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) ++current;
    group[i] = current;
  }
}

}  // namespace

Unique unique(const Operand& x, std::optional<int> axis) {
  const Tensor t = x.tensor();
  const Location& at = x.at();
  if (t.is_traced()) {
    fail<TraceError>("unique", "how many elements differ is not known while a function is traced",
                     t, at, "compute it outside of the compiled function");
  }
  const Tensor rows = axis ? moveaxis({t, at}, *axis, 0) : reshape({t, at}, Shape{t.elements()});
  const std::int64_t count = rows.shape()[0];
  const std::int64_t width = count > 0 ? rows.elements() / count : 1;
  const Tensor here = rows.on_host();
  std::vector<std::int64_t> order;
  std::vector<std::int64_t> group;
  visit_dtype(t.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    group_rows<T>(here.data<T>(), count, width, order, group);
  });
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> counts;
  std::vector<std::int64_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (static_cast<std::size_t>(group[i]) == first.size()) {
      first.push_back(order[i]);
      counts.push_back(0);
    }
    ++counts.back();
    inverse[static_cast<std::size_t>(order[i])] = group[i];
  }
  const Tensor places = Tensor::from(first);
  Tensor values = gather({rows, at}, {places, at}, 0);
  if (axis) values = moveaxis({values, at}, 0, *axis);
  return {values, places, Tensor::from(inverse, axis ? Shape{count} : t.shape()),
          Tensor::from(counts)};
}

Tensor bincount(const Operand& x, const BincountOptions& options) {
  const Tensor t = x.tensor();
  const Location& at = x.at();
  if (!is_integral(t.dtype())) {
    fail<DTypeError>("bincount", fmt::format("integers expected, {} given", name_of(t.dtype())), t,
                     at, "convert them with x.to(nacre::i64)");
  }
  if (t.is_traced() && !options.length) {
    fail<TraceError>("bincount", "the largest number is not known while a function is traced", t,
                     at, "give BincountOptions{.length = ...}");
  }
  std::int64_t length = options.length.value_or(options.min_length);
  if (!t.is_traced()) {
    for (const std::int64_t v : t.to_vector<std::int64_t>()) {
      if (v < 0) fail<ValueError>("bincount", fmt::format("a number is negative ({})", v), t, at);
      if (!options.length) length = std::max(length, v + 1);
    }
  }
  const Tensor& weights = options.weights;
  if (weights.defined() && !(weights.shape() == t.shape())) {
    fail<ShapeError>("bincount",
                     fmt::format("weights of shape {} expected, {} given", to_string(t.shape()),
                                 to_string(weights.shape())),
                     t, at);
  }
  const DType dtype = weights.defined() ? weights.dtype() : i64;
  const Tensor empty = full_beside({t, at}, {dtype, Shape{length}}, 0);
  return weights.defined() ? scatter_add({empty, at}, {t, at}, {weights, at})
                           : scatter_add({empty, at}, {t, at}, 1);
}

Histogram histogram(const Operand& x, std::int64_t bins, double low, double high) {
  const Location& at = x.at();
  const Tensor t = is_floating(x.dtype()) ? x.tensor() : cast(x, f32);
  if (bins < 1) fail<ValueError>("histogram", fmt::format("{} bins", bins), t, at);
  if (!(low < high)) {
    fail<ValueError>("histogram", fmt::format("the range from {} to {} is empty", low, high), t,
                     at);
  }
  const DType dtype = t.dtype() == f64 ? f64 : f32;
  const Tensor edges = linspace(low, high, bins + 1, dtype);
  const Tensor values = reshape({cast({t, at}, dtype), at}, Shape{t.elements()});
  // Bin i begins at edge i: the edges at or below a value, less one. Bins 0 and bins + 1 of the
  // counts below collect what lies outside, and the last edge belongs to the last bin.
  const Tensor passed = searchsorted({edges, at}, {values, at}, {.right = true});
  const Tensor at_end = equal({values, at}, {slice_axis({edges, at}, 0, {-1, none}), at});
  const Tensor bin = where({at_end, at}, {Tensor::scalar(bins, i64), at}, {passed, at});
  const Tensor all = bincount({bin, at}, {.weights = {}, .length = bins + 2});
  return {slice_axis({all, at}, 0, {1, bins + 1}), edges};
}

Histogram histogram(const Operand& x, std::int64_t bins) {
  const Tensor t = is_floating(x.dtype()) ? x.tensor() : cast(x, f32);
  if (t.is_traced()) {
    fail<TraceError>("histogram", "the range is not known while a function is traced", t, x.at(),
                     "give low and high");
  }
  if (t.elements() == 0) return histogram({t, x.at()}, bins, 0, 1);
  const double low = min({t, x.at()}).item<double>();
  const double high = max({t, x.at()}).item<double>();
  if (low == high) return histogram({t, x.at()}, bins, low - 0.5, high + 0.5);
  return histogram({t, x.at()}, bins, low, high);
}

}  // namespace nacre
