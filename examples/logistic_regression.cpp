// Logistic regression for two classes, with the sigmoid in the loop.
#include <iostream>

#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const Tensor x = nn::init::uniform(0, 1, 0)({100, 1});
  // One label in ten is wrong.
  const Tensor flip = less(nn::init::uniform(0, 1, 1)({100, 1}), 0.1).to(f32);
  const Tensor clean = greater(x, 0.5).to(f32);
  const Tensor y = clean + flip - 2 * clean * flip;

  Tensor bias = zeros({});
  Tensor weight = zeros({});
  for (int i = 0; i < 5000; ++i) {
    const Tensor p = sigmoid(bias + weight * x);
    bias = bias - 0.5 * mean(p - y);
    weight = weight - 0.5 * mean((p - y) * x);
  }
  const Tensor said = greater(bias + weight * x, 0).to(f32);
  const float accuracy = mean(equal(said, clean).to(f32)).item();
  std::cout << "weight " << weight.item() << ", bias " << bias.item() << ", accuracy " << accuracy
            << "\n";
  std::cout << greater(bias + weight * tensor({{0.4}, {0.8}, {1.2}}), 0).to(i64) << "\n";
  return accuracy > 0.9 ? 0 : 1;
}
