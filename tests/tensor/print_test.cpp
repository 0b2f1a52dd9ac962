// Golden texts; NumPy 1.26 prints the same for all but bf16, repr and traced values.
#include "nacre/tensor/print.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "nacre/nacre.h"

namespace nacre {
namespace {

TEST(Print, Floats) {
  EXPECT_EQ(to_string(tensor({1, 2.5, -3})), "[ 1.   2.5 -3. ]");
  EXPECT_EQ(to_string(tensor({{1, 2}, {3, 4}})), "[[1. 2.]\n [3. 4.]]");
  EXPECT_EQ(to_string(tensor({0.1, 0.25, 100})), "[  0.1    0.25 100.  ]");
  EXPECT_EQ(to_string(tensor({1.0 / 3, 2.0 / 3}, f64)), "[0.33333333 0.66666667]");
  EXPECT_EQ(to_string(tensor({1.0 / 3, 2.0 / 3})), "[0.33333334 0.6666667 ]");
  EXPECT_EQ(to_string(tensor({0.1 + 0.2}, f64)), "[0.3]");
  EXPECT_EQ(to_string(zeros({2, 3})), "[[0. 0. 0.]\n [0. 0. 0.]]");
  EXPECT_EQ(to_string(tensor({-0.0, 0.0})), "[-0.  0.]");
  EXPECT_EQ(to_string(tensor({999.5, 0.5})), "[9.995e+02 5.000e-01]");
}

TEST(Print, ExponentFormat) {
  EXPECT_EQ(to_string(tensor({1e-5, 1})), "[1.e-05 1.e+00]");
  EXPECT_EQ(to_string(tensor({1.5e10, -2e10}, f64)), "[ 1.5e+10 -2.0e+10]");
  EXPECT_EQ(to_string(tensor({1e-100, 1}, f64)), "[1.e-100 1.e+000]");
  EXPECT_EQ(to_string(tensor({1e8}, f64)), "[1.e+08]");
  EXPECT_EQ(to_string(tensor({99999999.0}, f64)), "[99999999.]");
  EXPECT_EQ(to_string(tensor({1.0 / 3000, 1}, f64)), "[3.33333333e-04 1.00000000e+00]");
}

TEST(Print, SpecialValues) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(to_string(tensor({1, nan, -inf})), "[  1.  nan -inf]");
  EXPECT_EQ(to_string(tensor({nan, inf})), "[nan inf]");
  EXPECT_EQ(to_string(tensor({1.25, nan})), "[1.25  nan]");
}

TEST(Print, Scalars) {
  EXPECT_EQ(to_string(Tensor::scalar(1)), "1.0");
  EXPECT_EQ(to_string(Tensor::scalar(0.1)), "0.1");
  EXPECT_EQ(to_string(Tensor::scalar(1e-5)), "1e-05");
  EXPECT_EQ(to_string(Tensor::scalar(1.5e20, f64)), "1.5e+20");
  EXPECT_EQ(to_string(Tensor::scalar(-7, i32)), "-7");
  EXPECT_EQ(to_string(Tensor::scalar(1, boolean)), "True");
  EXPECT_EQ(to_string(Tensor::scalar(1.0 / 3, f64)), "0.3333333333333333");
}

TEST(Print, IntegersAndBooleans) {
  EXPECT_EQ(to_string(tensor({{1, -20}, {300, 4}}, i64)), "[[  1 -20]\n [300   4]]");
  EXPECT_EQ(to_string(tensor({1, 0}, boolean)), "[ True False]");
  EXPECT_EQ(to_string(tensor({7, 255}, u8)), "[  7 255]");
}

TEST(Print, HalfPrecisionIsShort) {
  EXPECT_EQ(to_string(tensor({0.1, 3}, bf16)), "[0.1 3. ]");
  EXPECT_EQ(to_string(tensor({0.1, 3}, f16)), "[0.1 3. ]");
  EXPECT_EQ(to_string(tensor({1.0 / 3}, f16)), "[0.3333]");
}

TEST(Print, RankThreeHasAnEmptyLine) {
  EXPECT_EQ(to_string(arange(8).reshape({2, 2, 2})), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
}

TEST(Print, LongLinesAreBroken) {
  EXPECT_EQ(to_string(arange(30)),
            "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
            " 24 25 26 27 28 29]");
}

TEST(Print, ManyElementsAreSummarised) {
  EXPECT_EQ(to_string(arange(1001)), "[   0    1    2 ...  998  999 1000]");
  EXPECT_EQ(to_string(arange(1000).reshape({10, 100})).find("..."), std::string::npos);
  EXPECT_EQ(to_string(arange(2000).reshape({40, 50})),
            "[[   0    1    2 ...   47   48   49]\n"
            " [  50   51   52 ...   97   98   99]\n"
            " [ 100  101  102 ...  147  148  149]\n"
            " ...\n"
            " [1850 1851 1852 ... 1897 1898 1899]\n"
            " [1900 1901 1902 ... 1947 1948 1949]\n"
            " [1950 1951 1952 ... 1997 1998 1999]]");
}

TEST(Print, EmptyAndUndefined) {
  EXPECT_EQ(to_string(zeros({0})), "[]");
  EXPECT_EQ(to_string(zeros({2, 0})), "[]");
  EXPECT_EQ(to_string(Tensor()), "undefined");
}

TEST(Print, Repr) {
  EXPECT_EQ(repr(tensor({{1, 2}, {3, 4}})),
            "tensor([[1., 2.],\n        [3., 4.]], dtype=f32, shape=[2,2])");
  EXPECT_EQ(repr(Tensor::scalar(2, i32)), "tensor(2, dtype=i32, shape=[])");
}

TEST(Print, Options) {
  EXPECT_EQ(to_string(tensor({1.0 / 3, 2}, f64), {.precision = 3}), "[0.333 2.   ]");
  EXPECT_EQ(to_string(tensor({1e-5, 1}, f64), {.suppress_small = true}), "[0.00001 1.     ]");
  EXPECT_EQ(to_string(arange(9), {.threshold = 5, .edge_items = 1}), "[0 ... 8]");
}

TEST(Print, Stream) {
  std::ostringstream out;
  out << tensor({1, 2}, i32);
  EXPECT_EQ(out.str(), "[1 2]");
}

TEST(Print, TracedValuesAreNamed) {
  std::string seen;
  compile([&](const Tensor& x) {
    seen = to_string(x + 1);
    return x;
  })(ones({2, 3}));
  EXPECT_EQ(seen.substr(0, 10), "f32[2,3] %");
}

}  // namespace
}  // namespace nacre
