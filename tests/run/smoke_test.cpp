// The whole way of a step on a small scale: eager, gradients, compiled.
#include <gtest/gtest.h>

#include "nacre/nacre.h"

namespace nacre {
namespace {

TEST(Smoke, EagerArithmetic) {
  const Tensor x = tensor({{1, 2}, {3, 4}});
  EXPECT_EQ((x * 2 + 1).to_vector<float>(), (std::vector<float>{3, 5, 7, 9}));
  EXPECT_EQ(matmul(x, x).to_vector<float>(), (std::vector<float>{7, 10, 15, 22}));
  EXPECT_EQ(x.sum({0}).to_vector<float>(), (std::vector<float>{4, 6}));
}

TEST(Smoke, TapeGivesGradients) {
  Variable w(tensor({3.0}));
  GradientTape tape;
  const Tensor loss = sum(square(w));
  EXPECT_FLOAT_EQ(tape.gradient(loss, w).item(), 6);
}

TEST(Smoke, SecondDerivative) {
  const auto f = [](const Tensor& x) { return sum(x * x * x); };
  const auto df = [&](const Tensor& x) { return sum(grad(f)(x)); };
  EXPECT_FLOAT_EQ(grad(df)(tensor({2.0})).item(), 12);
}

TEST(Smoke, CompiledStepTrains) {
  Variable w(zeros({2, 1}));
  const Tensor x = tensor({{1, 0}, {0, 1}, {1, 1}});
  const Tensor y = tensor({{2}, {-1}, {1}});
  auto step = compile([&](const Tensor& in, const Tensor& want) {
    GradientTape tape;
    const Tensor loss = mean(square(matmul(in, w) - want));
    w.assign(w - 0.5 * tape.gradient(loss, w));
    return loss;
  });
  float last = 0;
  for (int i = 0; i < 60; ++i) last = step(x, y).item();
  EXPECT_LT(last, 1e-6);
  EXPECT_NEAR(w.value().to_vector<float>()[0], 2, 1e-3);
  EXPECT_EQ(step.function().statistics().traces, 1u);
}

TEST(Smoke, ArgmaxLossIsRefused) {
  const auto f = [](const Tensor& x) { return mean(not_equal(argmax(x, 1), 0).to(f32)); };
  try {
    grad(f)(ones({2, 3}));
    FAIL() << "no error";
  } catch (const GradientError& e) {
    EXPECT_NE(std::string(e.what()).find("smoke_test.cpp"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("hint"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace nacre
