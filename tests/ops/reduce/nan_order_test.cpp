// NaN in whatever orders elements: it is the largest and the smallest in extremes (NumPy, PyTorch),
// the first NaN has the place, and sorting puts it last.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/nacre.h"

namespace nacre {
namespace {

const double kNan = std::nan("");
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Longs = std::vector<std::int64_t>;

TEST(NanOrder, ExtremesAndTheirPlacesAgree) {
  for (const DType d : {f32, f64, f16, bf16}) {
    const Tensor x = tensor({1, kNan, 3, kNan}, d);
    EXPECT_EQ(argmax(x).item<std::int64_t>(), 1) << name_of(d);
    EXPECT_EQ(argmin(x).item<std::int64_t>(), 1) << name_of(d);
    EXPECT_TRUE(std::isnan(max(x).item<double>()));
    EXPECT_TRUE(std::isnan(min(x).item<double>()));
    EXPECT_EQ(top_k(x, 1).indices.item<std::int64_t>(), 1);
    EXPECT_TRUE(std::isnan(cummax(x, 0).values.to_vector<double>()[3]));
    // Down a column, and far along a row: other loops.
    EXPECT_EQ(argmax(tensor({{1, 5}, {kNan, 7}, {2, kNan}}, d), 0).to_vector<std::int64_t>(),
              (Longs{1, 2}));
    for (const std::int64_t at : {0, 1, 17, 64, 130}) {
      const Tensor row = where(arange(131) == at, kNan, where(arange(131) == 60, kInfinity, 0.5));
      EXPECT_EQ(argmax(row.to(d)).item<std::int64_t>(), at) << name_of(d);
      EXPECT_EQ(argmin(row.to(d)).item<std::int64_t>(), at) << name_of(d);
      EXPECT_EQ(argmax(concatenate({row.to(d), row.to(d)})).item<std::int64_t>(), at);
    }
    EXPECT_EQ(argmax(tensor({kNan, 9}, d)).item<std::int64_t>(), 0);
  }
}

TEST(NanOrder, SortsLast) {
  for (const DType d : {f32, f64, f16, bf16}) {
    const Tensor x = tensor({3, kNan, -kInfinity, kInfinity, kNan, 1}, d);
    EXPECT_EQ(argsort(x).to_vector<std::int64_t>(), (Longs{2, 5, 0, 3, 1, 4}));
    EXPECT_EQ(argsort(x, {.descending = true}).to_vector<std::int64_t>(),
              (Longs{1, 4, 3, 0, 5, 2}));
    EXPECT_EQ(top_k(x, 2, {.largest = false}).indices.to_vector<std::int64_t>(), (Longs{2, 5}));
    EXPECT_TRUE(std::isnan(median(x).item<double>()));
    EXPECT_TRUE(std::isnan(quantile(x, 0.1).item<double>()));
    EXPECT_EQ(unique(x).inverse.to_vector<std::int64_t>(), (Longs{2, 4, 0, 3, 4, 1}));
    EXPECT_EQ(searchsorted(sort(x), tensor({kNan}, d)).item<std::int64_t>(), 4);
  }
  // Many of them, through the other algorithms.
  const Tensor many = where(arange(3000) % 3 == 0, kNan, arange(3000, f64));
  const std::vector<double> sorted = sort(many).to_vector<double>();
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.begin() + 2000));
  EXPECT_TRUE(std::isnan(sorted[2000]));
  EXPECT_TRUE(std::isnan(top_k(many, 100).values.to_vector<double>()[99]));
  EXPECT_EQ(top_k(many, 3, {.largest = false}).values.to_vector<double>(),
            (std::vector<double>{1, 2, 4}));
}

}  // namespace
}  // namespace nacre
