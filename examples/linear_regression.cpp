// Linear regression, y = 2 x + 1 with noise, by gradients written by hand.
#include <cmath>
#include <iostream>

#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const Tensor x = nn::init::uniform(0, 1, 0)({100, 1});
  const Tensor y = 2 * x + 1 + nn::init::normal(0, 0.5, 1)({100, 1});

  Tensor intercept = zeros({});
  Tensor slope = zeros({});
  for (int i = 0; i < 1000; ++i) {
    const Tensor error = y - (intercept + slope * x);
    intercept = intercept - 0.1 * mean(-2 * error);
    slope = slope - 0.1 * mean(-2 * error * x);
  }
  std::cout << "y = " << slope.item() << " x + " << intercept.item() << "\n";
  std::cout << intercept + slope * tensor({{0.5}, {0.8}, {1.2}}) << "\n";
  return std::abs(slope.item() - 2) < 0.5 && std::abs(intercept.item() - 1) < 0.3 ? 0 : 1;
}
