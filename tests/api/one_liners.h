// What people who know PyTorch, NumPy and Keras write in one line: IS(expression, values...)
// compiles it and compares what it gives, in the order of memory.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "nacre/nacre.h"

namespace nacre::test {

inline std::vector<double> values_of(const Tensor& t) { return t.to_vector<double>(); }
inline std::vector<double> values_of(const Variable& v) { return values_of(v.value()); }
inline std::vector<double> values_of(const Shape& s) { return {s.begin(), s.end()}; }
template <class T>
requires std::is_arithmetic_v<T> std::vector<double> values_of(T number) {
  return {static_cast<double>(number)};
}
template <class T>
std::vector<double> values_of(const std::vector<T>& list) {
  std::vector<double> out;
  for (const auto& item : list) {
    const std::vector<double> part = values_of(item);
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

inline ::testing::AssertionResult same(const std::vector<double>& given,
                                       const std::vector<double>& expected) {
  bool equal = given.size() == expected.size();
  for (std::size_t i = 0; equal && i < given.size(); ++i) {
    const double scale = std::max(1.0, std::fabs(expected[i]));
    equal = given[i] == expected[i] || std::fabs(given[i] - expected[i]) <= 2e-5 * scale ||
            (std::isnan(given[i]) && std::isnan(expected[i]));
  }
  if (equal) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << ::testing::PrintToString(given) << " instead of " << ::testing::PrintToString(expected);
}

}  // namespace nacre::test

#define IS(expression, ...)                                                             \
  EXPECT_TRUE(::nacre::test::same(::nacre::test::values_of(expression), {__VA_ARGS__})) \
      << #expression
