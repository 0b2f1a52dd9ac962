// Expected values are NumPy's.
#include "nacre/ops/index/indexing.h"

#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/tensors.h"

namespace nacre {
namespace {

using test::expect;
using test::text_of;
using I = std::vector<std::int64_t>;

Tensor grid() { return arange(24).reshape({2, 3, 4}); }

TEST(Indexing, Integers) {
  expect(grid().index({1, 2, 3}), {}, {23});
  expect(grid().index({-1, 0}), {4}, {12, 13, 14, 15});
  expect(grid()[1][-1], {4}, {20, 21, 22, 23});
}

TEST(Indexing, Slices) {
  expect(grid().index({0, slice(1, 3), slice(none, none, 2)}), {2, 2}, {4, 6, 8, 10});
  expect(grid().index({ellipsis, slice(none, none, -2), 0}), {2, 2}, {8, 0, 20, 12});
  expect(arange(5).index({slice(-2, none)}), {2}, {3, 4});
  expect(arange(5).index({slice(3)}), {3}, {0, 1, 2});
  expect(arange(5).index({slice(10, -10, -2)}), {3}, {4, 2, 0});
  expect(arange(5).index({slice(4, 2)}), {0}, {});
  expect(arange(5).index({slice(none, none, 1000)}), {1}, {0});
}

TEST(Indexing, EllipsisAndNewAxis) {
  EXPECT_EQ(grid().index({newaxis, ellipsis, newaxis}).shape(), (Shape{1, 2, 3, 4, 1}));
  EXPECT_EQ(grid().index({ellipsis}).shape(), (Shape{2, 3, 4}));
  expect(grid().index({ellipsis, 1}), {2, 3}, {1, 5, 9, 13, 17, 21});
  expect(grid().index({0, newaxis, 1}), {1, 4}, {4, 5, 6, 7});
}

TEST(Indexing, IntegerTensors) {
  const Tensor rows = tensor({1, 0, 1}, i64);
  EXPECT_EQ(grid().index({rows}).shape(), (Shape{3, 3, 4}));
  expect(grid().index({slice(0, 1), tensor({2, -3}, i32), 0}), {1, 2}, {8, 0});
  // Together: the common shape stands in place of both.
  expect(grid().index({rows, tensor({0, 1, 2}, i64), slice(1, 3)}), {3, 2}, {13, 14, 5, 6, 21, 22});
  // Apart: it stands in front.
  expect(grid().index({rows, slice(none, 2), tensor({0, 1, 2}, i64)}), {3, 2},
         {12, 16, 1, 5, 14, 18});
  // An integer beside a tensor counts as a tensor.
  expect(grid().index({0, slice(none, 2), tensor({3, 1}, i64)}), {2, 2}, {3, 7, 1, 5});
  expect(grid().index({slice(none, none), tensor({{0}, {2}}, i64), tensor({1, 3}, i64)}), {2, 2, 2},
         {1, 3, 9, 11, 13, 15, 21, 23});
  EXPECT_EQ(grid().index({newaxis, rows, newaxis}).shape(), (Shape{1, 3, 1, 3, 4}));
}

TEST(Indexing, Masks) {
  const Tensor x = grid();
  expect(x.index({x > 20}), {3}, {21, 22, 23});
  expect(x.index({tensor({0, 1}, boolean), 1}), {1, 4}, {16, 17, 18, 19});
  expect(x.index({slice(none, none), tensor({1, 0, 1}, boolean), 0}), {2, 2}, {0, 8, 12, 20});
  expect(x.index({tensor({{1, 0, 0}, {0, 0, 1}}, boolean)}), {2, 4}, {0, 1, 2, 3, 20, 21, 22, 23});
  expect(x.index({tensor({0, 0}, boolean)}), {0, 3, 4}, {});
  expect(masked_select(x, tensor({1, 0, 0, 0}, boolean)), {6}, {0, 4, 8, 12, 16, 20});
  expect(nonzero(tensor({{0, 1}, {2, 0}})), {2, 2}, {0, 1, 1, 0});
}

TEST(Indexing, Update) {
  const Tensor x = arange(6).reshape({2, 3});
  expect(index_update(x, {1, slice(0, 2)}, tensor({8, 9}, i64)), {2, 3}, {0, 1, 2, 8, 9, 5});
  expect(index_update(x, {ellipsis, -1}, 7), {2, 3}, {0, 1, 7, 3, 4, 7});
  expect(index_add(x, {slice(none, none), tensor({0, 0, 2}, i64)}, 10), {2, 3},
         {20, 1, 12, 23, 4, 15});
  expect(index_update(x, {x > 2}, 0), {2, 3}, {0, 1, 2, 0, 0, 0});
  expect(index_max(x, {0}, tensor({1, 1, 1}, i64)), {2, 3}, {1, 1, 2, 3, 4, 5});
  expect(index_min(x, {tensor({1, 1}, i64), tensor({0, 2}, i64)}, 1), {2, 3}, {0, 1, 2, 1, 4, 1});
  expect(
      index_update(x, {tensor({0, 0}, i64), slice(none, none, 2)}, tensor({{1, 2}, {3, 4}}, i64)),
      {2, 3}, {3, 1, 4, 3, 4, 5});
}

TEST(Indexing, Gradients) {
  const Tensor x = arange(6, f32).reshape({2, 3});
  const auto of = [&](auto f) { return grad(f)(x).template to_vector<float>(); };
  using F = std::vector<float>;
  EXPECT_EQ(of([](const Tensor& t) {
              return sum(square(t.index({1, slice(0, 2)})));
            }),
            (F{0, 0, 0, 6, 8, 0}));
  EXPECT_EQ(of([](const Tensor& t) {
              return sum(square(t.index({tensor({1, 1}, i64), tensor({2, 2}, i64)})));
            }),
            (F{0, 0, 0, 0, 0, 20}));
  EXPECT_EQ(of([](const Tensor& t) { return sum(square(t.index({t > 3}))); }),
            (F{0, 0, 0, 0, 8, 10}));
  EXPECT_EQ(of([](const Tensor& t) { return sum(square(index_update(t, {0}, 1))); }),
            (F{0, 0, 0, 6, 8, 10}));
  // Of two values for one place the last is kept, and only it has a gradient.
  const auto f = [&](const Tensor& v) {
    return sum(square(index_update(x, {tensor({0, 0}, i64)}, v)));
  };
  EXPECT_EQ(grad(f)(ones({2, 3})).to_vector<float>(), (F{0, 0, 0, 2, 2, 2}));
}

TEST(Indexing, Compiled) {
  auto f = compile([](const Tensor& x, const Tensor& i) {
    return index_add(x, {i}, x.index({i, slice(none, none, -1)}));
  });
  expect(f(arange(6).reshape({2, 3}), tensor({1, 0}, i64)), {2, 3}, {2, 2, 2, 8, 8, 8});
}

TEST(IndexingErrors, Texts) {
  const Tensor x = grid();
  EXPECT_EQ(text_of<ValueError>([&] { x.index({5}, Location()); }),
            "index: index 5 is out of range for axis 0 of size 2\n  input i64[2,3,4]");
  EXPECT_EQ(text_of<ValueError>([&] {
              x.index({0, 0, 0, 0}, Location());
            }),
            "index: 4 axes are indexed, the tensor has 3\n  input i64[2,3,4]");
  EXPECT_EQ(text_of<ValueError>([&] {
              x.index({ellipsis, ellipsis}, Location());
            }),
            "index: more than one ellipsis\n  input i64[2,3,4]");
  EXPECT_EQ(text_of<ValueError>([&] { x.index({slice(0, 1, 0)}, Location()); }),
            "slice: the step is zero\n  hint: leave the step out to take every element");
  EXPECT_EQ(text_of<DTypeError>([&] { x.index({ones({2})}, Location()); }),
            "index: a tensor of f32 is no index\n  input i64[2,3,4]\n  hint: convert it with "
            "x.to(nacre::i64)");
  EXPECT_EQ(text_of<ShapeError>([&] { x.index({zeros({3}, boolean)}, Location()); }),
            "index: a mask of shape [3] does not fit from axis 0 on\n  input i64[2,3,4]");
  EXPECT_EQ(text_of<ShapeError>([&] {
              x.index({tensor({0, 1}, i64), tensor({0, 1, 2}, i64)}, Location());
            }),
            "index: index tensors of shapes [2] and [3] do not broadcast\n  input i64[2,3,4]");
  EXPECT_EQ(text_of<ValueError>([&] {
              x.index({tensor({0, 9}, i64)}, Location());
            }),
            "gather: index 9 at position [1] of the indices is out of range for axis 0 of size 2\n"
            "  hint: indices from -2 to 1 exist");
  EXPECT_EQ(text_of<ShapeError>([&] {
              index_update({x, Location()}, {0}, ones({5}));
            }),
            "index: values of shape [5] do not broadcast to the indexed part [3,4]\n"
            "  input i64[2,3,4]");
}

TEST(IndexingErrors, MasksOfTracedValues) {
  auto f = compile([](const Tensor& x) { return x.index({x > 0}, Location()); });
  EXPECT_EQ(text_of<TraceError>([&] { f(ones({3})); }),
            "index: how many elements a mask chooses is not known while a function is traced\n"
            "  input f32[3]\n  hint: use where(mask, x, other), or multiply by the mask");
  auto g = compile([](const Tensor& x) { return nonzero({x, Location()}); });
  EXPECT_EQ(text_of<TraceError>([&] { g(ones({3})); }),
            "nonzero: how many elements are not zero is not known while a function is traced\n"
            "  input f32[3]\n  hint: use where(mask, x, other), or compute it outside of the "
            "compiled function");
}

}  // namespace
}  // namespace nacre
