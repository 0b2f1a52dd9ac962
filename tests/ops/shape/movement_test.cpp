// Expected values are NumPy's.
#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/tensors.h"

namespace nacre {
namespace {

using test::at_nowhere;
using test::expect;
using test::text_of;
using I = std::vector<std::int64_t>;

Tensor a23() { return arange(6).reshape({2, 3}); }

TEST(Movement, ConcatenateAndStack) {
  expect(concatenate({a23(), a23() + 10}, 1), {2, 6}, {0, 1, 2, 10, 11, 12, 3, 4, 5, 13, 14, 15});
  expect(concatenate({arange(2), zeros({0}, i64), arange(1)}), {3}, {0, 1, 0});
  EXPECT_EQ(concatenate({arange(2), ones({1})}).dtype(), f32);
  expect(stack({arange(2), arange(2) + 5}), {2, 2}, {0, 1, 5, 6});
  expect(stack({arange(2), arange(2) + 5}, -1), {2, 2}, {0, 5, 1, 6});
}

TEST(Movement, Split) {
  const Tensors parts = split(arange(6), {1, 2, 3});
  ASSERT_EQ(parts.size(), 3u);
  expect(parts[2], {3}, {3, 4, 5});
  expect(split(a23(), 3, 1)[1], {2, 1}, {1, 4});
  EXPECT_EQ(chunk(arange(7), 3).size(), 3u);
  expect(chunk(arange(7), 3)[2], {1}, {6});
  expect(unstack(a23(), -1)[2], {2}, {2, 5});
}

TEST(Movement, Pad) {
  const Tensor x = tensor({1, 2, 3}, i64);
  expect(pad(x, {{2, 1}}), {6}, {0, 0, 1, 2, 3, 0});
  expect(pad(x, {{2, 2}}, {.mode = PadMode::edge}), {7}, {1, 1, 1, 2, 3, 3, 3});
  expect(pad(x, {{2, 2}}, {.mode = PadMode::reflect}), {7}, {3, 2, 1, 2, 3, 2, 1});
  expect(pad(x, {{2, 2}}, {.mode = PadMode::symmetric}), {7}, {2, 1, 1, 2, 3, 3, 2});
  expect(pad(x, {{2, 2}}, {.mode = PadMode::circular}), {7}, {2, 3, 1, 2, 3, 1, 2});
  expect(pad(x, {{-1, 1}}, {.value = 9}), {3}, {2, 3, 9});
  expect(pad(x, {{0, 0}}), {3}, {1, 2, 3});
}

TEST(Movement, LargeIntegersStayExact) {
  const std::int64_t big = (std::int64_t{1} << 53) + 1;
  const Tensor x = Tensor::from(I{big, big + 2});
  EXPECT_EQ(flip(x).to_vector<std::int64_t>(), (I{big + 2, big}));
  EXPECT_EQ(pad(x, {{1, 0}}).to_vector<std::int64_t>(), (I{0, big, big + 2}));
  EXPECT_EQ(gather(x, tensor({1}, i64)).to_vector<std::int64_t>(), (I{big + 2}));
  EXPECT_EQ(sort(x, {.descending = true}).to_vector<std::int64_t>(), (I{big + 2, big}));
  EXPECT_EQ(cumsum(x, 0, {.reverse = true}).to_vector<std::int64_t>(), (I{2 * big + 2, big + 2}));
  EXPECT_EQ(scatter_add(x, tensor({0}, i64), 2).to_vector<std::int64_t>(), (I{big + 2, big + 2}));
}

TEST(Movement, FlipAndRoll) {
  expect(flip(a23()), {2, 3}, {5, 4, 3, 2, 1, 0});
  expect(flip(a23(), {1}), {2, 3}, {2, 1, 0, 5, 4, 3});
  expect(roll(arange(5), {2}), {5}, {3, 4, 0, 1, 2});
  expect(roll(arange(5), {-7}), {5}, {2, 3, 4, 0, 1});
  expect(roll(a23(), {1}), {2, 3}, {5, 0, 1, 2, 3, 4});
  expect(roll(a23(), {1, -1}, {0, 1}), {2, 3}, {4, 5, 3, 1, 2, 0});
}

TEST(Movement, TileAndRepeat) {
  expect(tile(arange(2), {3}), {6}, {0, 1, 0, 1, 0, 1});
  expect(tile(tensor({{1, 2}}, i64), {2, 2}), {2, 4}, {1, 2, 1, 2, 1, 2, 1, 2});
  expect(tile(arange(2), {2, 1}), {2, 2}, {0, 1, 0, 1});
  expect(repeat(a23(), 2, 1), {2, 6}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  expect(repeat(a23(), 2, 0), {4, 3}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  expect(repeat(arange(3), {0, 1, 3}, 0), {4}, {1, 2, 2, 2});
}

TEST(Movement, Axes) {
  EXPECT_EQ(moveaxis(ones({2, 3, 4}), 0, -1).shape(), (Shape{3, 4, 2}));
  EXPECT_EQ(moveaxis(ones({2, 3, 4, 5}), {0, 1}, {-1, -2}).shape(), (Shape{4, 5, 3, 2}));
  EXPECT_EQ(swap_axes(ones({2, 3, 4}), 0, 2).shape(), (Shape{4, 3, 2}));
  EXPECT_EQ(flatten(ones({2, 3, 4}), 1).shape(), (Shape{2, 12}));
  EXPECT_EQ(flatten(ones({})).shape(), (Shape{1}));
  const Tensors grid = meshgrid({arange(2), arange(3)});
  expect(grid[0], {2, 3}, {0, 0, 0, 1, 1, 1});
  expect(grid[1], {2, 3}, {0, 1, 2, 0, 1, 2});
  expect(meshgrid({arange(2), arange(3)}, MeshOrder::xy)[0], {3, 2}, {0, 1, 0, 1, 0, 1});
}

TEST(Movement, TrianglesAndDiagonals) {
  const Tensor x = arange(9).reshape({3, 3});
  expect(tril(x), {3, 3}, {0, 0, 0, 3, 4, 0, 6, 7, 8});
  expect(triu(x, 1), {3, 3}, {0, 1, 2, 0, 0, 5, 0, 0, 0});
  expect(diagonal(x, 1), {2}, {1, 5});
  expect(diagonal(x, -5), {0}, {});
  expect(diagonal(arange(8).reshape({2, 2, 2}), 0, 0, 2), {2, 2}, {0, 5, 2, 7});
  expect(diag(arange(2) + 1, -1), {3, 3}, {0, 0, 0, 1, 0, 0, 0, 2, 0});
  expect(diag(x), {3}, {0, 4, 8});
  expect(trace(x), {}, {12});
  const auto f = [](const Tensor& v) { return sum(diag(v) * arange(4, f32).reshape({2, 2})); };
  EXPECT_EQ(grad(f)(ones({2})).to_vector<float>(), (std::vector<float>{0, 3}));
}

TEST(Movement, SqueezeRefusesAnAxisThatIsNotThere) {
  EXPECT_EQ(squeeze(zeros({1, 3, 1}), {-1}).shape(), (Shape{1, 3}));
  EXPECT_THROW(squeeze(zeros({1, 3}), {2}), ShapeError);
  EXPECT_THROW(squeeze(zeros({1, 3}), {-3}), ShapeError);
}

TEST(MovementErrors, Texts) {
  const Tensor x = ones({2, 3});
  const auto list = [](Tensors t) { return OperandList(t, Location()); };
  EXPECT_EQ(text_of([&] { concatenate(list({})); }), "concat: no tensors are given");
  EXPECT_EQ(text_of([&] {
              concatenate(list({x, ones({2, 4})}), 0);
            }),
            "concat: shapes [2,3] and [2,4] differ beyond axis 0\n  left f32[2,3], right f32[2,4]\n"
            "  hint: stack joins along a new axis");
  EXPECT_EQ(text_of([&] {
              concatenate(list({x, x}), 2);
            }),
            "concat: axis 2 is out of range for rank 2\n  left f32[2,3], right f32[2,3]");
  EXPECT_EQ(text_of([&] {
              stack(list({x, ones({2})}));
            }),
            "stack: shapes differ ([2,3] vs [2])\n  hint: concatenate joins along an axis that "
            "exists");
  EXPECT_EQ(text_of([&] { split(at_nowhere(x), 2, 1); }),
            "split: 3 elements of axis 1 do not make 2 equal parts\n  input f32[2,3]\n"
            "  hint: give the sizes, or use chunk for a smaller last part");
  EXPECT_EQ(text_of([&] {
              split(at_nowhere(x), {1, 1}, 1);
            }),
            "split: the sizes [1,1] add up to 2, axis 1 has 3\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              split(at_nowhere(x), {4, -1}, 1);
            }),
            "split: a part of size -1 is asked for\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { chunk(at_nowhere(x), 0); }),
            "chunk: 0 parts asked for\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              pad(at_nowhere(x), {{1, 1}});
            }),
            "pad: 1 pairs of widths are given for rank 2\n  input f32[2,3]\n"
            "  hint: give one {before, after} for every axis, {0, 0} where nothing is added");
  EXPECT_EQ(text_of([&] {
              pad(at_nowhere(x), {{0, 0}, {-2, -2}});
            }),
            "pad: 4 elements are cut from axis 1 of size 3\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              pad(at_nowhere(x), {{0, 0}, {3, 0}}, {.mode = PadMode::reflect});
            }),
            "pad: mode reflect cannot add 3 elements to axis 1 of size 3\n  input f32[2,3]\n"
            "  hint: pad less, or with PadMode::edge or PadMode::constant");
  EXPECT_EQ(text_of([&] { slice_axis(at_nowhere(x), 2, slice(0, 1)); }),
            "slice_axis: axis 2 is out of range for rank 2\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              slice_ranges(at_nowhere(x), {{0, 2, 1}, {2, 2, 1}});
            }),
            "slice: axis 1 of size 3 has no 2 elements from 2 in steps of 1\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] {
              roll(at_nowhere(x), {1, 2}, {0});
            }),
            "roll: 2 shifts are given for 1 axes\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { tile(at_nowhere(x), {-1}); }),
            "tile: a repeat count is negative (-1)\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { repeat(at_nowhere(x), I{1}, 0); }),
            "repeat: 1 counts are given for axis 0 of size 2\n  input f32[2,3]\n"
            "  hint: give one number to repeat every element equally");
  EXPECT_EQ(text_of([&] {
              moveaxis(at_nowhere(x), {0, 0}, {0, 1});
            }),
            "moveaxis: an axis is given twice\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { flatten(at_nowhere(x), 1, 0); }),
            "flatten: the last axis 0 comes before the first 1\n  input f32[2,3]");
  EXPECT_EQ(text_of([&] { tril(at_nowhere(ones({3}))); }),
            "triangle: a matrix expected, rank 1 given\n  input f32[3]");
  EXPECT_EQ(text_of([&] { diagonal(at_nowhere(ones({3}))); }),
            "diagonal: a matrix expected\n  input f32[3]\n  hint: diag makes a matrix of a vector");
  EXPECT_EQ(text_of([&] {
              diag(at_nowhere(ones({1, 1, 1})));
            }),
            "diag: a vector or a matrix expected\n  input f32[1,1,1]\n"
            "  hint: diagonal and diagonal_embed take batches");
}

}  // namespace
}  // namespace nacre
