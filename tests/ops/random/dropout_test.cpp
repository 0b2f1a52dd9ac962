// Dropout: its rate, its scale, shared decisions, and a gradient with the very same mask.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"

namespace nacre {
namespace {

const Tensor& some_key() {
  static const Tensor key = Tensor::from(std::vector<std::int64_t>{3, 4});
  return key;
}

TEST(Dropout, KeepsTheMeanAndDropsItsRate) {
  const Tensor y = dropout(ones({20000}), 0.3, some_key());
  EXPECT_NEAR(equal(y, 0).to(f32).mean().item(), 0.3, 0.012);
  EXPECT_NEAR(y.mean().item(), 1, 0.02);
  EXPECT_FLOAT_EQ(max(y).item(), 1 / 0.7f);
}

TEST(Dropout, GradientUsesTheSameMask) {
  const auto f = [](const Tensor& x) { return sum(dropout(x, 0.5, some_key())); };
  const Tensor x = full({101}, 3);
  const Tensor y = dropout(x, 0.5, some_key());
  EXPECT_EQ((grad(f)(x) * 3).to_vector<float>(), y.to_vector<float>());
}

TEST(Dropout, NoiseShapeSharesDecisions) {
  const Tensor y = dropout(ones({4, 50, 3, 2}), 0.5, some_key(), {-1, -1, 1, 1});
  const Tensor low = min(y, {2, 3});
  const Tensor high = max(y, {2, 3});
  EXPECT_EQ(low.to_vector<float>(), high.to_vector<float>());
  const float kept = greater(low, 0).to(f32).mean().item();
  EXPECT_GT(kept, 0.35);
  EXPECT_LT(kept, 0.65);
}

TEST(Dropout, EndsOfTheRate) {
  const Tensor x = tensor({1, -2, INFINITY});
  EXPECT_EQ(dropout(x, 0, some_key()).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(dropout(x, 1, some_key()).to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(Dropout, OnlyWhileTraining) {
  Generator generator(1);
  const Tensor x = ones({100});
  EXPECT_EQ(dropout(x, 0.5, false, generator).identity(), x.identity());
  EXPECT_EQ(generator.state().value().to_vector<std::int64_t>()[1], 0);
  const Tensor first = dropout(x, 0.5, true, generator);
  const Tensor second = dropout(x, 0.5, true, generator);
  EXPECT_NE(first.to_vector<float>(), second.to_vector<float>());
  EXPECT_EQ(generator.state().value().to_vector<std::int64_t>()[1], 2);
}

TEST(Dropout, AlphaKeepsMeanAndVariance) {
  const Tensor x = random_normal(some_key(), {40000});
  Generator generator(2);
  const Tensor y = alpha_dropout(x, 0.2, true, generator);
  EXPECT_NEAR(y.mean().item(), 0, 0.03);
  EXPECT_NEAR(square(y).mean().item(), 1, 0.04);
}

}  // namespace
}  // namespace nacre
