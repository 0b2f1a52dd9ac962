// Expected values are PyTorch's.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/tensors.h"

namespace nacre {
namespace {

using test::at_line;
using test::at_nowhere;
using test::expect;
using test::text_of;
using I = std::vector<std::int64_t>;
using F = std::vector<float>;

Tensor a23() { return arange(6).reshape({2, 3}); }
Tensor ids(const NestedList& values) { return tensor(values, i64); }

TEST(Gather, Values) {
  expect(gather(a23(), ids({{2, 0}, {1, -1}}), 1), {2, 2, 2}, {2, 0, 1, 2, 5, 3, 4, 5});
  expect(take_along_axis(a23(), ids({{2, 0}, {1, 1}}), 1), {2, 2}, {2, 0, 4, 4});
  expect(take_along_axis(a23(), ids({{2, 0}}), 1), {2, 2}, {2, 0, 5, 3});
  expect(gather_nd(a23(), ids({{1, 2}, {0, -3}})), {2}, {5, 0});
  expect(gather_nd(a23(), ids({{1}, {0}})), {2, 3}, {3, 4, 5, 0, 1, 2});
  expect(index_select(a23(), ids({1}), 0), {1, 3}, {3, 4, 5});
}

TEST(Scatter, Values) {
  const Tensor x = zeros({2, 3}, i64);
  expect(scatter(x, ids({2, 0}), ids({{1, 2}, {3, 4}}), 1), {2, 3}, {2, 0, 1, 4, 0, 3});
  expect(scatter_add(x, ids({1, 1}), 5), {2, 3}, {0, 0, 0, 10, 10, 10});
  expect(put_along_axis(x, ids({{1}, {2}}), 7, 1), {2, 3}, {0, 7, 0, 0, 0, 7});
  expect(scatter_nd(x, ids({{0, 1}, {0, 1}}), ids({3, 4}), ScatterMode::add), {2, 3},
         {0, 7, 0, 0, 0, 0});
  expect(scatter_nd(x, ids({{0, 1}, {0, 1}}), ids({3, 4})), {2, 3}, {0, 4, 0, 0, 0, 0});
  expect(masked_fill(a23(), a23() > 3, -1), {2, 3}, {0, 1, 2, 3, -1, -1});
}

TEST(Scatter, GradientOfTiesIsShared) {
  const auto f = [](const Tensor& u) {
    return sum(scatter(zeros({2}), ids({0, 0, 1}), u, 0, ScatterMode::max));
  };
  EXPECT_EQ(grad(f)(tensor({3, 3, -1})).to_vector<float>(), (F{0.5, 0.5, 0}));
}

TEST(Embedding, RowsAndPadding) {
  const Tensor table = arange(6, f32).reshape({3, 2});
  EXPECT_EQ(embedding(table, ids({2, 0})).to_vector<float>(), (F{4, 5, 0, 1}));
  const auto f = [](const Tensor& t) {
    return sum(embedding(t, ids({1, 1, 2}), {.padding_index = 2}));
  };
  EXPECT_EQ(grad(f)(table).to_vector<float>(), (F{0, 0, 2, 2, 0, 0}));
}

TEST(OneHot, AxesAndDtypes) {
  expect(one_hot(ids({2, 0}), 3), {2, 3}, {0, 0, 1, 1, 0, 0});
  expect(one_hot(ids({2, 0}), 3, {.axis = 0, .dtype = i32}), {3, 2}, {0, 1, 0, 0, 1, 0});
  expect(one_hot(ids({2, -3}), 3, {.axis = 0, .dtype = i32, .negative = true}), {3, 2},
         {0, 1, 0, 0, 1, 0});
}

TEST(GatherErrors, IndicesAreCheckedWhenTheyAreUsed) {
  const std::string hint = "\n  called at net.cpp:7\n  hint: indices from -3 to 2 exist";
  EXPECT_EQ(
      text_of([] {
        gather(at_line(a23()), ids({{0, 1}, {1, 3}}), 1);
      }),
      "gather: index 3 at position [1,1] of the indices is out of range for axis 1 of size 3" +
          hint);
  EXPECT_EQ(text_of([] {
              take_along_axis(at_line(a23()), ids({{0}, {-4}}), 1);
            }),
            "take_along_axis: index -4 at position [1,0] of the indices is out of range for axis 1 "
            "of size 3" +
                hint);
  EXPECT_EQ(
      text_of([] {
        gather_nd(at_line(a23()), ids({{0, 3}}));
      }),
      "gather_nd: index 3 at position [0,1] of the indices is out of range for axis 1 of size "
      "3" +
          hint);
  EXPECT_EQ(text_of([] { scatter(at_line(arange(3)), ids({5}), 1); }),
            "scatter: index 5 at position [0] of the indices is out of range for axis 0 of size 3" +
                hint);
  EXPECT_EQ(text_of([] { put_along_axis(at_line(arange(3)), ids({-9}), 1, 0); }),
            "put_along_axis: index -9 at position [0] of the indices is out of range for axis 0 of "
            "size 3" +
                hint);
  EXPECT_EQ(
      text_of([] { scatter_nd(at_line(arange(3)), ids({{3}}), 1); }),
      "scatter_nd: index 3 at position [0,0] of the indices is out of range for axis 0 of size "
      "3" +
          hint);
  const std::string from_zero = "\n  called at net.cpp:7\n  hint: indices from 0 to 2 exist";
  EXPECT_EQ(text_of([] { one_hot(at_line(ids({7})), 3, {.negative = true}); }),
            "one_hot: index 7 at position [0] of the indices is out of range for 3 classes" + hint);
  EXPECT_EQ(text_of([] {
              one_hot(at_line(ids({{0, 1}, {2, -1}})), 3);
            }),
            "one_hot: index -1 at position [1,1] of the indices is out of range for 3 classes" +
                from_zero);
  // Rows of a table are named as classes are, in whatever dtype the indices come.
  for (const DType d : {i64, i32, i8}) {
    EXPECT_EQ(text_of([&] {
                embedding(at_line(ones({3, 2})), ids({0, -1}).to(d));
              }),
              "embedding: index -1 at position [1] of the indices is out of range for 3 rows" +
                  from_zero);
  }
  EXPECT_EQ(
      text_of([] {
        embedding(at_line(ones({3, 2})), ids({3}), {.padding_index = -1});
      }),
      "embedding: index 3 at position [0] of the indices is out of range for 3 rows" + from_zero);
  auto lookup = compile([](const Tensor& t, const Tensor& i) { return embedding(t, i) * 2; });
  const std::string text = text_of([&] { lookup(ones({3, 2}), ids({-1})); });
  EXPECT_NE(text.find("embedding: index -1"), std::string::npos) << text;
  EXPECT_EQ(text_of([] { gather(at_line(zeros({0})), ids({0})); }),
            "gather: index 0 at position [0] of the indices is out of range for axis 0 of size 0\n"
            "  called at net.cpp:7\n  hint: the axis has no elements");
  auto f = compile([](const Tensor& x, const Tensor& i) { return gather(x, i) * 2; });
  const std::string compiled = text_of([&] { f(ones({3}), ids({4})); });
  EXPECT_NE(compiled.find("index 4 at position [0]"), std::string::npos) << compiled;
  EXPECT_NE(compiled.find("called at gather_scatter_test.cpp:"), std::string::npos) << compiled;
  EXPECT_EQ(f(ones({3}), ids({2})).to_vector<float>(), F{2});
}

TEST(GatherErrors, Texts) {
  const Tensor x = ones({2, 3});
  EXPECT_EQ(text_of([&] { gather(at_nowhere(x), ones({2})); }),
            "gather: indices are integers, f32 given\n  left f32[2,3], right f32[2]\n"
            "  hint: convert them with x.to(nacre::i64)");
  EXPECT_EQ(text_of([&] { gather(at_nowhere(x), ones({2}, boolean)); }),
            "gather: indices are integers, bool given\n  left f32[2,3], right bool[2]\n"
            "  hint: a mask of booleans goes into index({mask}) or where");
  EXPECT_EQ(text_of([&] { gather(at_nowhere(x), ids({0}), 2); }),
            "gather: axis 2 is out of range for rank 2\n  left f32[2,3], right i64[1]");
  EXPECT_EQ(text_of([&] { take_along_axis(at_nowhere(x), ids({0}), 1); }),
            "take_along_axis: shapes [2,3] and [1] differ beyond axis 1\n"
            "  left f32[2,3], right i64[1]\n  hint: gather takes the same indices for every row");
  EXPECT_EQ(text_of([&] {
              gather_nd(at_nowhere(x), ids({0, 0, 0}));
            }),
            "gather_nd: the last axis of the indices must hold 0 to 2 coordinates\n"
            "  left f32[2,3], right i64[3]");
  EXPECT_EQ(text_of([&] { index_select(at_nowhere(x), ids({{0}}), 0); }),
            "index_select: a vector of indices expected\n  input f32[2,3], indices i64[1,1]\n"
            "  hint: gather takes indices of any shape");
  EXPECT_EQ(text_of([&] { embedding(at_nowhere(ones({3})), ids({0})); }),
            "embedding: a table of rank 2 expected, rank 1 given\n  table f32[3], indices i64[1]");
  EXPECT_EQ(text_of([&] { embedding(at_nowhere(x), ids({0}), {.padding_index = 2}); }),
            "embedding: padding index 2 is out of range for 2 rows\n  table f32[2,3]");
  EXPECT_EQ(text_of([&] { scatter(at_nowhere(x), ids({0}), ones({5})); }),
            "scatter: updates of shape [1,3] expected, [5] given\n"
            "  inputs f32[2,3], i64[1], f32[5]");
  EXPECT_EQ(text_of([&] { scatter_add(at_nowhere(x.to(boolean)), ids({0}), 1); }),
            "scatter: booleans can only be set\n  inputs bool[2,3], i64[1], bool[1,3]\n"
            "  hint: convert them with x.to(nacre::i32)");
  EXPECT_EQ(text_of([&] { one_hot(at_nowhere(x), 3); }),
            "one_hot: integers expected, f32 given\n  input f32[2,3]\n"
            "  hint: convert them with x.to(nacre::i64)");
  EXPECT_EQ(text_of([&] { one_hot(at_nowhere(ids({0})), -1); }),
            "one_hot: -1 classes\n  input i64[1]");
}

}  // namespace
}  // namespace nacre
