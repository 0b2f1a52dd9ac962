// Trains two numbers with a compiled step and compares them with what they should be.
#include <cmath>
#include <cstdio>

#include "nacre/nacre.h"

int main() {
  const nacre::Tensor x = nacre::linspace(-1, 1, 32).reshape({32, 1});
  const nacre::Tensor y = 3 * x + 2;
  nacre::nn::Dense line{{.units = 1}};
  nacre::optim::SGD sgd({.learning_rate = 0.2});
  auto step = nacre::compile([&](const nacre::Tensor& in, const nacre::Tensor& out) {
    auto [loss, gradients] =
        nacre::value_and_grad([&] { return nacre::loss::mse()(line(in), out); }, line)();
    sgd.apply(line, gradients);
    return loss;
  });
  for (int i = 0; i < 200; ++i) step(x, y);
  const float slope = line.weight.value().item();
  const float offset = line.bias.value().item();
  std::printf("%.3f x + %.3f\n", slope, offset);
  return std::abs(slope - 3) < 1e-3 && std::abs(offset - 2) < 1e-3 ? 0 : 1;
}
