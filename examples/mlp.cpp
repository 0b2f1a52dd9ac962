// A multilayer perceptron on pictures of digits: two dense layers, Adam, accuracy.
#include <iostream>

#include "nacre/data/loader.h"
#include "nacre/data/sets/named.h"
#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const auto [train, test] = data::load("digits");
  data::Loader batches(train, {.shuffle = true});
  data::Loader held(test);

  Model model{nn::Sequential{nn::Flatten{}, nn::Dense({.units = 10, .activation = relu}),
                             nn::Dense({.units = 10, .activation = softmax})}};
  model.compile({.optimizer = optim::Adam(),
                 .loss = loss::sparse_categorical_crossentropy(),
                 .metrics = {metric::accuracy()}});
  model.fit(batches, {.epochs = 25});

  const Logs logs = model.evaluate(held);
  std::cout << "test: " << to_string(logs) << "\n";
  return logs["accuracy"] > 0.8 ? 0 : 1;
}
