// L-BFGS on functions whose minima are known.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"

namespace nacre {
namespace {

struct Place {
  Variable x{tensor({-1.2, 1}, f64)};
  NACRE_MODULE(x)
};

TEST(LBFGS, FindsTheMinimumOfRosenbrocksFunction) {
  Place place;
  const auto function = [&] {
    return value_and_grad(
        [&] {
          const Tensor first = matmul(place.x, tensor({1, 0}, f64));
          const Tensor second = matmul(place.x, tensor({0, 1}, f64));
          return 100 * square(second - square(first)) + square(1 - first);
        },
        place)();
  };
  optim::LBFGS lbfgs({.max_iterations = 100});
  const double value = lbfgs.minimize(nn::parameters(place), function);
  EXPECT_LT(value, 1e-12);
  EXPECT_LT(lbfgs.iterations(), 60);
  for (const double v : place.x.value().to_vector<double>()) EXPECT_NEAR(v, 1, 1e-5);
}

TEST(LBFGS, SolvesLeastSquares) {
  nn::Dense dense{{.units = 1}};
  const Tensor x = nn::init::normal(0, 1, 3)({50, 4});
  const Tensor y = matmul(x, tensor({{1}, {-2}, {3}, {0.5}})) + 0.25;
  dense(x);
  optim::LBFGS lbfgs({.max_iterations = 50});
  lbfgs.minimize(nn::parameters(dense),
                 [&] { return value_and_grad([&] { return loss::mse()(dense(x), y); }, dense)(); });
  const auto w = dense.weight.value().to_vector<float>();
  EXPECT_NEAR(w[0], 1, 1e-3);
  EXPECT_NEAR(w[1], -2, 1e-3);
  EXPECT_NEAR(dense.bias.value().item(), 0.25, 1e-3);
}

TEST(LBFGS, RefusesWrongGradients) {
  Place place;
  optim::LBFGS lbfgs;
  EXPECT_THROW(lbfgs.minimize(nn::parameters(place),
                              [] { return std::pair(Tensor::scalar(1, f64), Tensors{}); }),
               ShapeError);
  EXPECT_THROW(optim::LBFGS({.history = 0}), ValueError);
}

}  // namespace
}  // namespace nacre
