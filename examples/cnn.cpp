// A convolutional network on pictures of digits: the layers of the MNIST classic.
#include <iostream>

#include "nacre/data/loader.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const auto [train, test] = data::load("digits");
  data::Loader batches(train, {.shuffle = true});
  data::Loader held(test);

  // The pictures are 8x8 and not 28x28, so the second convolution keeps their size.
  Model model{nn::Sequential{
      nn::Conv2d({.filters = 32, .kernel_size = 3, .activation = relu}), nn::MaxPool2d{},
      nn::Conv2d({.filters = 64, .kernel_size = 3, .padding = kSame, .activation = relu}),
      nn::MaxPool2d{}, nn::Flatten{}, nn::Dense({.units = 10, .activation = softmax})}};
  std::cout << model.summary({f32, {1, 1, 8, 8}});
  model.compile({.optimizer = optim::Adam(),
                 .loss = loss::sparse_categorical_crossentropy(),
                 .metrics = {metric::accuracy()}});
  model.fit(batches, {.epochs = 5});

  const Logs logs = model.evaluate(held);
  std::cout << "test: " << to_string(logs) << "\n";
  return logs["accuracy"] > 0.85 ? 0 : 1;
}
