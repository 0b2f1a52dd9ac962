// Linear regression, 3 x + 2 with noise, by a gradient tape and plain gradient descent.
#include <cmath>
#include <iostream>

#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const Tensor x = nn::init::uniform(0, 1, 0)({100, 1});
  const Tensor y = 3 * x + 2 + nn::init::normal(0, 0.1, 1)({100, 1});

  Variable w(nn::init::normal(0, 1, 2)({1}), "weight");
  Variable b(zeros({1}), "bias");
  for (int i = 0; i < 1000; ++i) {
    GradientTape tape;
    const Tensor loss = mean(square(x * w + b - y));
    const auto [dw, db] = tape.gradient(loss, w, b);
    w.assign(w - 0.1 * dw);
    b.assign(b - 0.1 * db);
  }
  std::cout << "weight " << w.value().item() << ", bias " << b.value().item() << "\n";
  return std::abs(w.value().item() - 3) < 0.2 && std::abs(b.value().item() - 2) < 0.2 ? 0 : 1;
}
