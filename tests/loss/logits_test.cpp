// Losses on probabilities find the logits behind them.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"
#include "nacre/run/producer.h"

namespace nacre {
namespace {

using loss::Loss;

struct Pair {
  Loss on_probabilities;
  Loss on_logits;
  Tensor (*activation)(const Tensor&);
  Tensor target;
};

std::vector<Pair> pairs() {
  const auto soft = [](const Tensor& x) { return softmax(x); };
  const auto sigma = [](const Tensor& x) { return sigmoid(x); };
  const Tensor numbers = tensor({0, 2, 1, 0}, i64);
  const Tensor rows = one_hot(numbers, 3) * 0.9 + 0.1 / 3;
  const Tensor bits = tensor({{0, 1, 1}, {1, 0, 0}, {0, 0, 1}, {1, 1, 1}});
  std::vector<Pair> all;
  for (const double smoothing : {0.0, 0.2}) {
    const auto options = [&](bool logits) {
      return loss::CrossentropyOptions{.from_logits = logits, .label_smoothing = smoothing};
    };
    all.push_back({loss::sparse_categorical_crossentropy(options(false)),
                   loss::sparse_categorical_crossentropy(options(true)), soft, numbers});
    all.push_back({loss::categorical_crossentropy(options(false)),
                   loss::categorical_crossentropy(options(true)), soft, rows});
    all.push_back({loss::binary_crossentropy(options(false)),
                   loss::binary_crossentropy(options(true)), sigma, bits});
  }
  all.push_back({loss::binary_focal(), loss::binary_focal({.from_logits = true}), sigma, bits});
  all.push_back({loss::sparse_categorical_focal(),
                 loss::sparse_categorical_focal({.alpha = -1, .from_logits = true}), soft,
                 numbers});
  return all;
}

// The largest logit of each row is right, or wrong, by so much that f32 probabilities are 0 and 1.
Tensor saturated() { return tensor({{200, -50, 0}, {300, 0, -300}, {0, 0, 0}, {1, 2, 3}}); }

TEST(LossOnProbabilities, IsThatOfTheLogitsUnderATapeAndInATrace) {
  for (const Pair& p : pairs()) {
    for (const Tensor& x : {saturated(), saturated() * 0.01}) {
      const auto by_probabilities = [&](const Tensor& logits) {
        return p.on_probabilities(p.activation(logits), p.target);
      };
      const auto by_logits = [&](const Tensor& logits) { return p.on_logits(logits, p.target); };
      const auto [expected, slope] = value_and_grad(by_logits)(x);
      ASSERT_TRUE(std::isfinite(expected.item())) << p.on_logits.name();
      GradientTape tape;
      const Tensor watched = tape.watch(identity(x));
      const Tensor eager = by_probabilities(watched);
      const Tensor eager_slope = tape.gradient(eager, watched);
      const auto [traced, traced_slope] = compile(value_and_grad(by_probabilities))(x);
      for (const Tensor& value : {eager, traced}) {
        EXPECT_FLOAT_EQ(value.item(), expected.item()) << p.on_logits.name();
      }
      for (const Tensor& g : {eager_slope, traced_slope}) {
        EXPECT_LT(max(abs(g - slope)).item(), 1e-6) << p.on_logits.name();
      }
    }
  }
}

// Without a record there are the probabilities alone, kept away from 0: near the same value.
TEST(LossOnProbabilities, IsNearlyTheSameWithoutARecord) {
  for (const Pair& p : pairs()) {
    const Tensor x = saturated() * 0.01;
    EXPECT_NEAR(p.on_probabilities(p.activation(x), p.target).item(),
                p.on_logits(x, p.target).item(), 2e-6)
        << p.on_logits.name();
  }
}

TEST(LossOnProbabilities, OtherSoftmaxesAreNotTaken) {
  const Tensor x = tensor({{1, 2}, {5, 3}});
  const Tensor numbers = tensor({0, 1}, i64);
  const auto value = [&](const Tensor& logits) {
    return loss::sparse_categorical_crossentropy()(softmax(logits, 0), numbers);
  };
  EXPECT_NEAR(compile(value)(x).item(), value(x).item(), 1e-6);
}

TEST(LossOnProbabilities, OfALayerIsFound) {
  for (const char* name : {"softmax", "sigmoid"}) {
    nn::Dense layer{{.units = 3, .activation = name}};
    const Tensor x = ones({4, 2});
    layer(x);
    GradientTape tape;
    const auto made = producer_of(layer(x));
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(name_of(made->op), name);
    EXPECT_EQ(made->inputs.size(), 1u);
  }
  EXPECT_FALSE(producer_of(ones({2})).has_value());
}

TEST(LossOnProbabilities, SaturatedNetworkStillLearns) {
  // One step away from a wrong, saturated answer: clipped probabilities have no gradient there.
  const auto gradient = grad([](const Tensor& x) {
    return loss::sparse_categorical_crossentropy()(softmax(x), tensor({1}, i64));
  })(tensor({{120, 0}}));
  EXPECT_FLOAT_EQ(gradient.to_vector<float>()[0], 1);
  EXPECT_FLOAT_EQ(gradient.to_vector<float>()[1], -1);
}

TEST(LossOnProbabilities, ALabelThatIsNoClassIsAnError) {
  const Tensor p = tensor({{0.2, 0.8}, {0.6, 0.4}});  // of unknown origin
  for (const Loss& l :
       {loss::sparse_categorical_crossentropy(), loss::nll(), loss::sparse_categorical_focal()}) {
    const auto f = compile([&l](const Tensor& x, const Tensor& t) { return l(x, t); });
    EXPECT_NO_THROW(f(p, tensor({0, 1}, i64)));
    for (const double label : {-1.0, 2.0}) {
      EXPECT_THROW(l(p, tensor({0, label}, i64)), ValueError) << l.name() << label;
      EXPECT_THROW(f(p, tensor({0, label}, i64)), ValueError) << l.name() << label;
    }
  }
}

}  // namespace
}  // namespace nacre
