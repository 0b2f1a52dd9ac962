// A recurrent cell written by hand, as a module of the user's, that learns to tell whether a
// sequence of letters holds more a's than b's.
#include <iostream>

#include "nacre/base/random.h"
#include "nacre/nacre.h"

using namespace nacre;

struct Rnn {
  nn::Dense input_to_hidden{{.units = 16}};
  nn::Dense input_to_output{{.units = 2}};
  NACRE_MODULE(input_to_hidden, input_to_output)

  std::pair<Tensor, Tensor> operator()(const Tensor& input, const Tensor& hidden) {
    const Tensor combined = concatenate({input, hidden}, 1);
    return {log_softmax(input_to_output(combined)), input_to_hidden(combined)};
  }
  Tensor init_hidden(std::int64_t batch) const { return zeros({batch, 16}); }
};

int main() {
  constexpr std::int64_t kLength = 7;
  constexpr std::int64_t kCount = 256;
  RandomStream random(1);
  Tensors word;
  std::vector<std::int64_t> answer(kCount, 0);
  for (std::int64_t t = 0; t < kLength; ++t) {
    std::vector<float> one_hot;
    for (std::size_t i = 0; i < kCount; ++i) {
      const bool is_a = random.uniform() < 0.5;
      one_hot.insert(one_hot.end(), {is_a ? 1.0f : 0.0f, is_a ? 0.0f : 1.0f});
      answer[i] += is_a ? 1 : -1;
    }
    word.push_back(Tensor::from(one_hot, {kCount, 2}));
  }
  for (std::int64_t& a : answer) a = a > 0 ? 1 : 0;
  const Tensor labels = Tensor::from(answer);

  Rnn rnn;
  const auto read = [&](const Tensors& letters) {
    Tensor hidden = rnn.init_hidden(kCount);
    Tensor output;
    for (const Tensor& letter : letters) std::tie(output, hidden) = rnn(letter, hidden);
    return output;
  };
  optim::Adam adam({.learning_rate = 0.02});
  auto step = compile([&](const Tensors& letters, const Tensor& target) {
    const auto [loss, gradients] =
        value_and_grad([&] { return loss::nll()(read(letters), target); }, rnn)();
    adam.apply(rnn, gradients);
    return loss;
  });
  float loss = 0;
  for (int i = 0; i < 200; ++i) loss = step(word, labels).item();

  metric::Metric accuracy = metric::accuracy();
  accuracy.update(read(word), labels);
  std::cout << "loss " << loss << ", accuracy " << accuracy.result() << "\n";
  return accuracy.result() > 0.95 ? 0 : 1;
}
