// Expected values are NumPy's.
#include "nacre/ops/product/products.h"

#include <gtest/gtest.h>

#include "nacre/nacre.h"
#include "tests/support/errors.h"
#include "tests/support/tensors.h"

namespace nacre {
namespace {

using test::expect;
using test::text_of;
using I = std::vector<std::int64_t>;

Tensor a23() { return arange(6).reshape({2, 3}); }
Tensor b34() { return arange(12).reshape({3, 4}); }

TEST(Einsum, OneOperand) {
  expect(einsum("ij->ji", {a23()}), {3, 2}, {0, 3, 1, 4, 2, 5});
  expect(einsum("ij->", {a23()}), {}, {15});
  expect(einsum("ij->j", {a23()}), {3}, {3, 5, 7});
  expect(einsum("ba", {a23()}), {3, 2}, {0, 3, 1, 4, 2, 5});
  expect(einsum("ii", {arange(9).reshape({3, 3})}), {}, {12});
  expect(einsum("ii->i", {arange(9).reshape({3, 3})}), {3}, {0, 4, 8});
  expect(einsum("iii->i", {arange(8).reshape({2, 2, 2})}), {2}, {0, 7});
}

TEST(Einsum, TwoOperands) {
  const I product{20, 23, 26, 29, 56, 68, 80, 92};
  expect(einsum("ij,jk->ik", {a23(), b34()}), {2, 4}, product);
  expect(einsum("ij, jk", {a23(), b34()}), {2, 4}, product);
  expect(einsum("ji,kj->ik", {a23().transpose(), b34().transpose()}), {2, 4}, product);
  expect(einsum("ij,ij->i", {a23(), a23()}), {2}, {5, 50});
  expect(einsum("i,j->ij", {arange(2), arange(3)}), {2, 3}, {0, 0, 0, 0, 1, 2});
  expect(einsum("ij,k->i", {a23(), arange(3)}), {2}, {9, 36});
  const Tensor x = arange(12).reshape({2, 2, 3});
  expect(einsum("bij,bkj->bik", {x, x}), {2, 2, 2}, {5, 14, 14, 50, 149, 212, 212, 302});
}

TEST(Einsum, EllipsisBroadcasts) {
  const Tensor x = arange(12).reshape({2, 2, 3});
  expect(einsum("...ij,jk->...ik", {x, arange(3).reshape({3, 1})}), {2, 2, 1}, {5, 14, 23, 32});
  expect(einsum("...i,...i", {x, arange(3)}), {2, 2}, {5, 14, 23, 32});
  expect(einsum("i...->...", {x}), {2, 3}, {6, 8, 10, 12, 14, 16});
}

TEST(Einsum, ManyOperands) {
  expect(einsum("ij,jk,k->i", {a23(), b34(), arange(4)}), {2}, {162, 504});
  expect(einsum("ij,j,j->i", {a23(), arange(3), arange(3)}), {2}, {9, 24});
}

TEST(Einsum, GradientAndCompiled) {
  const Tensor a = arange(6, f32).reshape({2, 3});
  const Tensor b = arange(12, f32).reshape({3, 4});
  const auto f = [&](const Tensor& x) { return sum(einsum("ij,jk->ki", {x, b})); };
  EXPECT_EQ(grad(f)(a).to_vector<float>(), (std::vector<float>{6, 22, 38, 6, 22, 38}));
  auto compiled = compile([](const Tensor& x, const Tensor& y) {
    return einsum("ij,jk->ik", {x, y});
  });
  expect(compiled(a23(), b34()), {2, 4}, {20, 23, 26, 29, 56, 68, 80, 92});
}

TEST(EinsumErrors, QuoteTheSubscript) {
  const OperandList one(Tensors{a23()}, Location());
  const OperandList two(Tensors{a23(), b34()}, Location());
  EXPECT_EQ(text_of([&] { einsum("ij,jk", one); }), "einsum: \"ij,jk\": 2 terms, but 1 operands");
  EXPECT_EQ(text_of([&] { einsum("i1", one); }),
            "einsum: \"i1\": \"1\" at position 1 is no letter\n  hint: letters, \",\", \"...\" and "
            "one \"->\" are allowed");
  EXPECT_EQ(text_of([&] { einsum("......", one); }),
            "einsum: \"......\": \"...\" stands twice in one term");
  EXPECT_EQ(text_of([&] { einsum("i", one); }),
            "einsum: \"i\": operand 0 (i64[2,3]) has 2 axes, its term 1 letters\n"
            "  hint: \"...\" stands for further axes");
  EXPECT_EQ(text_of([&] { einsum("ijk", one); }),
            "einsum: \"ijk\": operand 0 (i64[2,3]) has 2 axes, its term 3 letters");
  EXPECT_EQ(text_of([&] { einsum("ij->k", one); }),
            "einsum: \"ij->k\": the result names \"k\", which no operand has");
  EXPECT_EQ(text_of([&] { einsum("ij->ii", one); }),
            "einsum: \"ij->ii\": the result names \"i\" twice\n"
            "  hint: use diagonal_embed to put a vector on a diagonal");
  EXPECT_EQ(text_of([&] { einsum("...i->i", one); }),
            "einsum: \"...i->i\": the result leaves \"...\" out\n"
            "  hint: write \"...\" after \"->\" too");
  EXPECT_EQ(text_of([&] { einsum("ij,ik", two); }),
            "einsum: \"ij,ik\": \"i\" has size 2 in operand 0 (i64[2,3]) and 3 in operand 1 "
            "(i64[3,4])");
}

TEST(Products, AsNumPy) {
  expect(dot(arange(3), arange(3)), {}, {5});
  expect(dot(a23(), b34()), {2, 4}, {20, 23, 26, 29, 56, 68, 80, 92});
  expect(dot(a23(), arange(3)), {2}, {5, 14});
  expect(dot(a23(), 2), {2, 3}, {0, 2, 4, 6, 8, 10});
  EXPECT_EQ(dot(ones({2, 3, 4}), ones({5, 4, 6})).shape(), (Shape{2, 3, 5, 6}));
  expect(inner(a23(), a23()), {2, 2}, {5, 14, 14, 50});
  expect(outer(arange(2), arange(3)), {2, 3}, {0, 0, 0, 0, 1, 2});
  expect(tensordot(a23(), b34(), 1), {2, 4}, {20, 23, 26, 29, 56, 68, 80, 92});
  expect(tensordot(a23(), a23(), 2), {}, {55});
  expect(tensordot(arange(2), arange(3), 0), {2, 3}, {0, 0, 0, 0, 1, 2});
  expect(tensordot(a23(), b34(), {1}, {0}), {2, 4}, {20, 23, 26, 29, 56, 68, 80, 92});
  expect(kron(tensor({{1, 2}, {3, 4}}, i64), tensor({{1, 10}}, i64)), {2, 4},
         {1, 10, 2, 20, 3, 30, 4, 40});
  expect(kron(tensor({1, 2}, i64), tensor({{1}, {5}}, i64)), {2, 2}, {1, 2, 5, 10});
}

TEST(ProductErrors, Tensordot) {
  const auto f = [](const std::vector<int>& p, const std::vector<int>& q) {
    return text_of([&] { tensordot({a23(), Location()}, {b34(), Location()}, p, q); });
  };
  const std::string inputs = "\n  left i64[2,3], right i64[3,4]";
  EXPECT_EQ(f({0, 1}, {0}), "tensordot: 2 axes on the left, 1 on the right" + inputs);
  EXPECT_EQ(f({5}, {0}), "tensordot: axes 5 and 0 do not both exist" + inputs);
  EXPECT_EQ(f({0}, {0}),
            "tensordot: axis 0 of the left has size 2, axis 0 of the right 3" + inputs);
  EXPECT_EQ(f({1, 1}, {0, 0}), "tensordot: an axis is given twice" + inputs);
}

}  // namespace
}  // namespace nacre
