// A small image network of raw convolutions. Its first loss is made of argmax and cannot learn:
// Nacre refuses it and says where. The second one is made of the scores themselves, and learns.
#include <iostream>

#include "nacre/nacre.h"

using namespace nacre;

int main() {
  const Tensor x = nn::init::uniform(0, 1, 0)({32, 3, 16, 16});
  const Tensor y = argmax(mean(x, {2, 3}), 1);  // which channel is the brightest

  Variable conv1(nn::init::he_normal(1)({16, 3, 3, 3}), "conv1");
  Variable conv2(nn::init::he_normal(2)({3, 16, 3, 3}), "conv2");
  const auto scores = [&] {
    const Tensor hidden = relu(conv(x, conv1, {.padding = kSame}));
    return mean(conv(hidden, conv2, {.padding = kSame}), {2, 3});
  };

  try {
    GradientTape tape;
    const Tensor loss = mean(not_equal(argmax(scores(), 1), y).to(f32));
    tape.gradient(loss, conv1, conv2);
    std::cout << "the loss made of argmax was not refused\n";
    return 1;
  } catch (const GradientError& error) {
    std::cout << "refused:\n" << error.what() << "\n\n";
  }

  optim::Adam adam({.learning_rate = 0.01});
  const nn::NamedVariables parameters{{"conv1", conv1.cell()}, {"conv2", conv2.cell()}};
  const loss::Loss crossentropy = loss::sparse_categorical_crossentropy({.from_logits = true});
  auto step = compile([&](const Tensor& labels) {
    GradientTape tape;
    const Tensor loss = crossentropy(scores(), labels);
    const auto [d1, d2] = tape.gradient(loss, conv1, conv2);
    adam.apply(parameters, {d1, d2});
    return loss;
  });
  const float first = step(y).item();
  float last = first;
  for (int i = 0; i < 150; ++i) last = step(y).item();
  std::cout << "loss " << first << " -> " << last << "\n";
  return last < 0.7f * first ? 0 : 1;
}
