// Reductions, scans, order and statistics; expected values are NumPy's.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/nacre.h"
#include "nacre/ops/define/emit.h"
#include "tests/support/errors.h"
#include "tests/support/tensors.h"

namespace nacre {
namespace {

using test::at_nowhere;
using test::expect;
using test::text_of;
using I = std::vector<std::int64_t>;
using F = std::vector<float>;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

void expect_near(const Tensor& t, const F& values) {
  const F actual = t.to_vector<float>();
  ASSERT_EQ(actual.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      EXPECT_TRUE(std::isnan(actual[i])) << i;
    } else if (std::isinf(values[i])) {
      EXPECT_EQ(actual[i], values[i]);
    } else {
      EXPECT_NEAR(actual[i], values[i], 1e-5) << i;
    }
  }
}

TEST(Reductions, ProductsAndTruth) {
  expect(prod(tensor({{1, 2}, {3, 4}}, i32), {0}), {2}, {3, 8});
  EXPECT_EQ(prod(tensor({200, 200}, u8)).item<std::int64_t>(), 40000);
  expect(any(tensor({{0, 0}, {0, 2}}), {1}), {2}, {0, 1});
  expect(all(tensor({{1, 3}, {0, 2}}), {1}, true), {2, 1}, {1, 0});
  expect(count_nonzero(tensor({{1, 0}, {0, 2}}), {0}), {2}, {1, 1});
}

TEST(Reductions, EmptyTensors) {
  EXPECT_EQ(sum(zeros({0})).item(), 0);
  EXPECT_EQ(prod(zeros({0})).item(), 1);
  EXPECT_EQ(any(zeros({0})).item(), 0);
  EXPECT_EQ(all(zeros({0})).item(), 1);
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item()));
  EXPECT_EQ(logsumexp(zeros({0})).item<double>(), -kInf);
  expect(sum(zeros({2, 0}, i64), {1}), {2}, {0, 0});
  EXPECT_EQ(sum(zeros({2, 0}), {0}).shape(), Shape{0});
}

TEST(Reductions, ProductGradientHoldsAtZeros) {
  const auto f = [](const Tensor& x) { return prod(x); };
  expect_near(grad(f)(tensor({2, 0, 3})), {0, 6, 0});
  expect_near(grad(f)(tensor({0, 0, 3})), {0, 0, 0});
  const auto g = [&](const Tensor& x) { return sum(grad(f)(x)); };
  expect_near(grad(g)(tensor({2, 0, 3})), {3, 5, 2});
  const auto h = [](const Tensor& x) { return sum(cumprod(x, 0)); };
  expect_near(grad(h)(tensor({2, 0, 3})), {1, 8, 0});
}

TEST(Reductions, LogSumExp) {
  expect_near(logsumexp(tensor({1000, 1000})), {1000.693147f});
  expect_near(logsumexp(tensor({{-kInf, -kInf}, {0, -kInf}}), {1}), {-INFINITY, 0});
  const auto f = [](const Tensor& x) { return logsumexp(x); };
  expect_near(grad(f)(tensor({0, 0, -kInf})), {0.5, 0.5, 0});
}

TEST(Reductions, MeanOfHalfPrecisionIsExact) {
  EXPECT_EQ(mean(full({999}, 3, bf16)).item(), 3);
  EXPECT_EQ(mean(full({70000}, 2, f16)).item(), 2);
  EXPECT_EQ(mean(tensor({1, 2}, i32)).item(), 1.5f);
}

TEST(Scans, Values) {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, i64);
  expect(cumsum(x, 1), {2, 3}, {1, 3, 6, 4, 9, 15});
  expect(cumsum(x, 0, {.exclusive = true}), {2, 3}, {0, 0, 0, 1, 2, 3});
  expect(cumsum(x, 1, {.reverse = true}), {2, 3}, {6, 5, 3, 15, 11, 6});
  expect(cumprod(x, -1, {.reverse = true, .exclusive = true}), {2, 3}, {6, 3, 1, 30, 6, 1});
  const Extremes top = cummax(tensor({1, 3, 2, 3}, i64), 0);
  expect(top.values, {4}, {1, 3, 3, 3});
  expect(top.indices, {4}, {0, 1, 1, 3});
  expect_near(cummin(tensor({3, kNan, 1}), 0).values, {3, NAN, NAN});
}

TEST(Order, SortIsStable) {
  const Tensor x = tensor({{2, 1, 2, 0}}, i64);
  expect(sort(x), {1, 4}, {0, 1, 2, 2});
  expect(argsort(x), {1, 4}, {3, 1, 0, 2});
  expect(argsort(x, {.descending = true}), {1, 4}, {0, 2, 1, 3});
  expect_near(sort(tensor({kNan, 1, -kInf})), {-INFINITY, 1, NAN});
  const Sorted best = top_k(x, 2);
  expect(best.values, {1, 2}, {2, 2});
  expect(best.indices, {1, 2}, {0, 2});
  expect(top_k(x, 1, {.largest = false}).values, {1, 1}, {0});
  expect(searchsorted(tensor({1, 2, 2, 3}), tensor({0, 2, 9})), {3}, {0, 1, 4});
  expect(searchsorted(tensor({1, 2, 2, 3}), tensor({0, 2, 9}), {.right = true}), {3}, {0, 3, 4});
  expect(searchsorted(tensor({{1, 2}, {5, 6}}), tensor({{2}, {2}})), {2, 1}, {1, 0});
}

TEST(Statistics, VarianceAndNorm) {
  const Tensor x = tensor({{1, 2, 3, 4}, {0, 0, 0, 0}});
  expect_near(variance(x, {1}), {1.25, 0});
  expect_near(variance(x, {1}, {.correction = 1}), {5.0f / 3, 0});
  expect_near(standard_deviation(x, {1}), {1.118034f, 0});
  const auto f = [](const Tensor& t) { return standard_deviation(t) + norm(t); };
  expect_near(grad(f)(zeros({3})), {0, 0, 0});
  const Tensor v = tensor({3, -4, 0});
  expect_near(norm(v), {5});
  expect_near(norm(v, 1), {7});
  expect_near(norm(v, kInf), {4});
  expect_near(norm(v, -kInf), {0});
  expect_near(norm(v, 0), {2});
  expect_near(norm(v, 3), {4.497941f});
  expect_near(grad([](const Tensor& t) { return norm(t, 0.5); })(tensor({1, 0})), {1, 0});
}

TEST(Statistics, Quantiles) {
  const Tensor x = tensor({{4, 1, 3, 2}, {7, 5, 8, 6}});
  expect_near(median(x), {4.5});
  expect_near(median(x, {0}), {5.5, 3, 5.5, 4});
  expect_near(quantile(x, 0.25, {1}), {1.75, 5.75});
  expect_near(quantile(x, 0.4, {1}, true, Interpolation::lower), {2, 6});
  expect_near(quantile(x, 0.4, {1}, true, Interpolation::higher), {3, 7});
  expect_near(quantile(x, 0.5, {1}, true, Interpolation::nearest), {3, 7});
  expect_near(quantile(x, 0.4, {1}, true, Interpolation::midpoint), {2.5, 6.5});
  expect_near(median(tensor({1, kNan, 2})), {NAN});
  expect_near(grad([](const Tensor& t) { return median(t); })(tensor({4, 1, 3, 2})),
              {0, 0, 0.5, 0.5});
}

TEST(Statistics, NanIsLeftOut) {
  const Tensor x = tensor({{1, kNan, 3}, {kNan, kNan, kNan}});
  expect_near(nansum(x, {1}), {4, 0});
  expect_near(nanmean(x, {1}), {2, NAN});
  expect_near(nanmax(x, {1}), {3, NAN});
  expect_near(nanmin(x, {1}), {1, NAN});
  expect_near(grad([](const Tensor& t) { return nansum(t); })(x), {1, 0, 1, 0, 0, 0});
}

TEST(Counting, UniqueBincountHistogram) {
  const Unique u = unique(tensor({{3, 1}, {3, 2}}, i64));
  expect(u.values, {3}, {1, 2, 3});
  expect(u.first, {3}, {1, 3, 0});
  expect(u.inverse, {2, 2}, {2, 0, 2, 1});
  expect(u.counts, {3}, {1, 1, 2});
  const Unique rows = unique(tensor({{1, 2}, {0, 5}, {1, 2}}, i64), 0);
  expect(rows.values, {2, 2}, {0, 5, 1, 2});
  expect(rows.inverse, {3}, {1, 0, 1});
  expect(bincount(tensor({1, 3, 1}, i64)), {4}, {0, 2, 0, 1});
  expect_near(bincount(tensor({1, 0, 1}, i64), {.weights = tensor({0.5, 1, 2})}), {1, 2.5});
  const Histogram h = histogram(tensor({0, 1, 1.5, 2, 4, 5, -1, kNan}), 2, 0, 4);
  expect(h.counts, {2}, {3, 2});
  expect_near(h.edges, {0, 2, 4});
  expect(histogram(tensor({0, 1, 2, 3}), 3).counts, {3}, {1, 1, 2});
  auto f = compile([](const Tensor& x) { return bincount(x, {.weights = {}, .length = 3}); });
  expect(f(tensor({2, 2}, i64)), {3}, {0, 0, 2});
}

TEST(ReductionErrors, Texts) {
  const Tensor x = ones({2, 3});
  EXPECT_EQ(text_of([&] { prod(at_nowhere(x), {2}); }),
            "reduce_prod: axis 2 is out of range for rank 2\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              sum(at_nowhere(x), {0, -2});
            }),
            "reduce_sum: an axis is given twice\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { max(at_nowhere(zeros({0}))); }),
            "reduce_max: the extreme of no elements is not defined\n  input f32[0]");
  // max() of bool is any(); the op itself takes numbers.
  EXPECT_EQ(text_of([&] {
              emit_one(Op::reduce_max, {{"axes", I{}}, {"keep_dims", false}}, {x.to(boolean)}, {});
            }),
            "reduce_max: numbers expected, bool given\n  input bool[2,3]\n  hint: use any or all");
  EXPECT_EQ(text_of([&] {
              argmax(at_nowhere(zeros({2, 0})));
            }),
            "argmax: the axis has no elements\n  input f32[2,0]");
  EXPECT_EQ(text_of([&] {
              emit_one(Op::reduce_any, {{"axes", I{}}, {"keep_dims", false}}, {x}, {});
            }),
            "reduce_any: bool expected, f32 given\n  input f32[2,3]\n  hint: compare it: x > 0");
  EXPECT_EQ(text_of([&] { cumsum(at_nowhere(x), 2); }),
            "cumsum: axis 2 is out of range for rank 2\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { cummax(at_nowhere(x.to(boolean)), 0); }),
            "cummax: numbers expected, bool given\n  input bool[2,3]\n"
            "  hint: convert it with x.to(nacre::i64)");
  EXPECT_EQ(text_of([&] { sort(at_nowhere(x), {.axis = 5}); }),
            "sort: axis 5 is out of range for rank 2\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { top_k(at_nowhere(x), 4); }),
            "top_k: 4 elements of axis 1 of size 3 are asked for\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { searchsorted(at_nowhere(x), at_nowhere(ones({3}))); }),
            "searchsorted: shapes [2,3] and [3] do not have equal leading axes\n"
            "  left f32[2,3], right f32[3]\n"
            "  hint: the sorted tensor may be a vector, for values of any shape");
  EXPECT_EQ(text_of([&] { quantile(at_nowhere(x), 1.5); }),
            "quantile: q is 1.5, from 0 to 1 expected\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { quantile(at_nowhere(x), 0.5, {3}); }),
            "quantile: axis 3 is out of range for rank 2\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { median(at_nowhere(zeros({0}))); }),
            "quantile: there are no elements\n  input f32[0]");
  EXPECT_EQ(text_of([&] { norm(at_nowhere(x), kNan); }),
            "norm: p is not a number\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { bincount(at_nowhere(x)); }),
            "bincount: integers expected, f32 given\n  input f32[2,3]\n"
            "  hint: convert them with x.to(nacre::i64)");
  EXPECT_EQ(text_of([&] { bincount(at_nowhere(tensor({-1}, i64))); }),
            "bincount: a number is negative (-1)\n  input i64[1]");
  EXPECT_EQ(text_of([&] { bincount(at_nowhere(tensor({1}, i64)), {.weights = x}); }),
            "bincount: weights of shape [1] expected, [2,3] given\n  input i64[1]");
  EXPECT_EQ(text_of([&] { histogram(at_nowhere(x), 0, 0, 1); }),
            "histogram: 0 bins\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { histogram(at_nowhere(x), 2, 1, 1); }),
            "histogram: the range from 1 to 1 is empty\n  input f32[2,3]");
}

TEST(ReductionErrors, WhatDependsOnValuesIsNotTraced) {
  EXPECT_EQ(text_of([] {
              compile([](const Tensor& x) { return unique(at_nowhere(x)).values; })(ones({3}));
            }),
            "unique: how many elements differ is not known while a function is traced\n"
            "  input f32[3]\n  hint: compute it outside of the compiled function");
  EXPECT_EQ(text_of([] {
              compile([](const Tensor& x) { return bincount(at_nowhere(x)); })(zeros({3}, i64));
            }),
            "bincount: the largest number is not known while a function is traced\n"
            "  input i64[3]\n  hint: give BincountOptions{.length = ...}");
  EXPECT_EQ(text_of([] {
              compile([](const Tensor& x) { return histogram(at_nowhere(x)).counts; })(ones({3}));
            }),
            "histogram: the range is not known while a function is traced\n  input f32[3]\n"
            "  hint: give low and high");
}

}  // namespace
}  // namespace nacre
