// Losses and their gradients against PyTorch's, in f64; hand values for the rest.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "nacre/nacre.h"

namespace nacre {
namespace {

#include "reference.inc"

TEST(Losses, EqualPyTorchWithGradients) {
  const Tensor p = Tensor::from(kP, {4, 5});
  const Tensor t = Tensor::from(kT, {4, 5});
  const Tensor q = Tensor::from(kQ, {4, 5});
  const Tensor b = Tensor::from(kB, {4, 5});
  const Tensor w = Tensor::from(kW);
  const Tensor c = Tensor::from(kC, {2, 7, 4});
  const Tensor n = tensor({1, 4, 0, 2}, i64);
  const Tensor labels = tensor({{1, 2, 2}, {3, 1, -1}}, i64);
  const std::map<std::string, std::function<Tensor(const Tensor&)>> all = {
      {"mse", [&](const Tensor& x) { return loss::mse()(x, t); }},
      {"mae", [&](const Tensor& x) { return loss::mae()(x, t); }},
      {"huber", [&](const Tensor& x) { return loss::huber(0.7)(x, t); }},
      {"binary_logits",
       [&](const Tensor& x) { return loss::binary_crossentropy({.from_logits = true})(x, b); }},
      {"binary", [&](const Tensor& x) { return loss::binary_crossentropy()(sigmoid(x), b); }},
      {"sparse",
       [&](const Tensor& x) {
         return loss::sparse_categorical_crossentropy({.from_logits = true})(x, n);
       }},
      {"sparse_smooth",
       [&](const Tensor& x) {
         return loss::sparse_categorical_crossentropy(
             {.from_logits = true, .label_smoothing = 0.1})(x, n);
       }},
      {"sparse_weighted",
       [&](const Tensor& x) {
         return loss::sparse_categorical_crossentropy({.from_logits = true})(x, n, w);
       }},
      {"categorical",
       [&](const Tensor& x) {
         return loss::categorical_crossentropy({.from_logits = true})(x, q);
       }},
      {"nll", [&](const Tensor& x) { return loss::nll()(log_softmax(x), n); }},
      {"kl", [&](const Tensor& x) { return loss::kl_divergence()(softmax(x), q); }},
      {"cosine", [&](const Tensor& x) { return loss::cosine_similarity()(x, t); }},
      {"focal", [&](const Tensor& x) { return loss::binary_focal({.from_logits = true})(x, b); }},
      {"ctc", [&](const Tensor& x) { return loss::ctc()(x, labels); }},
  };
  ASSERT_EQ(all.size(), kLosses.size());
  for (const auto& [name, expected] : kLosses) {
    const auto [value, gradient] = value_and_grad(all.at(name))(name == "ctc" ? c : p);
    EXPECT_NEAR(value.item<double>(), expected[0], 1e-9) << name;
    const std::vector<double> g = gradient.to_vector<double>();
    for (std::size_t i = 0; i < g.size(); ++i) {
      EXPECT_NEAR(g[i], expected[i + 1], 1e-9) << name << " gradient " << i;
    }
  }
}

TEST(Losses, ProbabilitiesAndLogitsAgree) {
  const Tensor x = Tensor::from(kP, {4, 5});
  const Tensor n = tensor({1, 4, 0, 2}, i64);
  const double from_logits =
      loss::sparse_categorical_crossentropy({.from_logits = true})(x, n).item<double>();
  EXPECT_NEAR(loss::sparse_categorical_crossentropy()(softmax(x), n).item<double>(), from_logits,
              1e-6);
}

TEST(Losses, HandValues) {
  const Tensor p = tensor({{0.5, -2}});
  EXPECT_FLOAT_EQ(loss::hinge()(p, tensor({{1, -1}})).item(), 0.25);
  EXPECT_FLOAT_EQ(loss::hinge()(p, tensor({{1, 0}})).item(), 0.25);
  EXPECT_FLOAT_EQ(loss::squared_hinge()(p, tensor({{1, -1}})).item(), 0.125);
  EXPECT_FLOAT_EQ(loss::categorical_hinge()(p, tensor({{0, 1}})).item(), 3.5);
  EXPECT_FLOAT_EQ(loss::contrastive()(tensor({{0.5}}), tensor({{0}})).item(), 0.25);
  EXPECT_FLOAT_EQ(loss::contrastive()(tensor({{0.5}}), tensor({{1}})).item(), 0.25);
  const Tensor triple = tensor({{{0, 0}, {3, 4}, {0, 1}}});
  EXPECT_NEAR(loss::triplet(1)(triple, zeros({1})).item(), 5 - 1 + 1, 1e-5);
  EXPECT_NEAR(loss::log_cosh()(tensor({{2}}), tensor({{0}})).item(), std::log(std::cosh(2)), 1e-6);
}

TEST(Losses, ReductionsAndWeights) {
  const Tensor p = tensor({{1}, {2}, {3}});
  const Tensor t = zeros({3, 1});
  EXPECT_EQ(loss::mse().with(loss::Reduction::none)(p, t).to_vector<float>(),
            (std::vector<float>{1, 4, 9}));
  EXPECT_FLOAT_EQ(loss::mse().with(loss::Reduction::sum)(p, t).item(), 14);
  EXPECT_FLOAT_EQ(loss::mse()(p, t, tensor({1, 0, 1})).item(), 5);
  EXPECT_FLOAT_EQ(loss::mse()(p, t, zeros({3})).item(), 0);
}

TEST(Losses, WrongShapesNameBoth) {
  try {
    loss::mse()(ones({3, 2}), ones({3}));
    FAIL() << "no error";
  } catch (const ShapeError& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("f32[3,2]"), std::string::npos) << text;
    EXPECT_NE(text.find("loss_test.cpp"), std::string::npos) << text;
  }
  EXPECT_THROW(loss::nll()(ones({3, 2}), ones({4})), ShapeError);
  EXPECT_THROW(loss::Loss("mze"), ValueError);
}

}  // namespace
}  // namespace nacre
