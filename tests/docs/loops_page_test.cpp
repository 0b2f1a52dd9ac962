// The blocks of docs/loops.md.
#include <gtest/gtest.h>

#include "nacre/nacre.h"

using namespace nacre;

namespace {

TEST(LoopsPage, ARecurrentCell) {
  // A recurrent cell: the state goes from row to row, and is a result of each.
  Tensor w = Generator(1).normal({4, 8}, 0, 0.3);
  Tensor u = Generator(2).normal({8, 8}, 0, 0.3);
  auto states = compile([&](const Tensor& xs) {  // [steps, batch, 4]
    auto [last, all] = scan(
        [&](const Tensor& state, const Tensor& x) {
          Tensor next = tanh(matmul(x, w) + matmul(state, u));
          return std::pair(next, next);
        },
        zeros({2, 8}), xs);
    return all;  // [steps, batch, 8]
  });
  EXPECT_EQ(states(ones({5, 2, 4})).shape(), (Shape{5, 2, 8}));
}

TEST(LoopsPage, UntilItNoLongerMoves) {
  auto root = compile([](const Tensor& x) {  // Newton's method until it no longer moves
    return while_loop([&](const Tensor& r) { return abs(square(r) - x) > 1e-5; },
                      [&](const Tensor& r) { return (r + x / r) * 0.5; }, ones_like(x));
  });
  EXPECT_NEAR(root(Tensor::scalar(2)).item<double>(), 1.414214, 1e-5);
}

}  // namespace
