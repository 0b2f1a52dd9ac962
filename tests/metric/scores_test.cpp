// Measures of rows of scores: how many classes, which labels, logits or probabilities.
#include <gtest/gtest.h>

#include <cmath>

#include "nacre/nacre.h"
#include "tests/support/files.h"

namespace nacre {
namespace {

using metric::Metric;

Tensor rows() { return tensor({{3, 0, 1}, {0, 2, 1}, {0, 1, 4}, {9, 0, 0}}); }

double result_of(Metric m, const Tensor& p, const Tensor& t) {
  m.update(p, t);
  return m.result();
}

TEST(TopK, OfMoreThanThereAreClassesIsAnError) {
  const Tensor labels = tensor({0, 1, 0, 2}, i64);
  EXPECT_EQ(result_of(metric::top_k_accuracy(3), rows(), labels), 1);
  EXPECT_EQ(result_of(metric::top_k_accuracy(2), rows(), labels), 0.75);  // ties count
  test::expect_error<ValueError>([&] { result_of(metric::top_k_accuracy(), rows(), labels); },
                                 {"k is 5", "3 classes", "a k below 3"});
  test::expect_error<ValueError>(
      [&] {
        result_of(metric::top_k_accuracy(2), tensor({0.1, 0.9}), tensor({0, 1}));
      },
      {"top_k_accuracy", "two classes or more"});
  // A model says so at its first batch.
  Model model{nn::Dense{{.units = 3}}};
  model.compile({.loss = loss::sparse_categorical_crossentropy({.from_logits = true}),
                 .metrics = {metric::top_k_accuracy(4)}});
  test::expect_error<ValueError>(
      [&] {
        model.fit(ones({4, 2}), labels, {.verbose = 0});
      },
      {"k is 4", "3 classes"});
}

TEST(TopK, HasANameForEachNumber) {
  for (const int k : {1, 2, 5, 17}) {
    const std::string name = "top_" + std::to_string(k) + "_accuracy";
    EXPECT_EQ(Metric(name.c_str()).name(), name);
  }
  const Tensor labels = tensor({0, 1, 0, 2}, i64);
  EXPECT_EQ(result_of(Metric("top_2_accuracy"), rows(), labels),
            result_of(metric::top_k_accuracy(2), rows(), labels));
  for (const char* wrong : {"top_0_accuracy", "top_-1_accuracy", "top__accuracy", "top_x_accuracy",
                            "top_99999999999_accuracy", "top_2_accuracies", "top_accuracy"}) {
    test::expect_error<ValueError>([&] { Metric m(wrong); }, {wrong, "top_5_accuracy"});
  }
}

// What the loss says of predictions and labels holds for every measure beside it.
TEST(MetricsFollowTheLoss, FromLogits) {
  const Tensor labels = tensor({0, 1, 2, 0}, i64);
  const Tensor p = softmax(rows());
  const double right = result_of(metric::perplexity({.from_logits = true}), rows(), labels);
  EXPECT_NEAR(result_of(metric::perplexity({.from_logits = false}), p, labels), right, 1e-5);
  for (const bool logits : {true, false}) {
    for (const bool guess : {true, false}) {  // what the metric was told does not count
      const nn::Activation last([logits](const Tensor& x) { return logits ? x : softmax(x); });
      Model model{nn::Sequential{nn::ActivationLayer(last)}};
      model.compile({.loss = loss::sparse_categorical_crossentropy({.from_logits = logits}),
                     .metrics = {metric::perplexity({.from_logits = guess})}});
      const Logs logs = model.evaluate(rows(), labels, {.verbose = 0});
      EXPECT_NEAR(logs["perplexity"], right, 1e-5) << logits << guess;
      EXPECT_NEAR(logs["perplexity"], std::exp(logs["loss"]), 1e-5);
    }
  }
  // Log-probabilities are logits; a loss that does not say leaves the metric as it was.
  Metric of_nll = metric::perplexity({.from_logits = false});
  of_nll.measure().expect(loss::nll().traits());
  EXPECT_NEAR(result_of(of_nll, log(p), labels), right, 1e-5);
  Metric left = metric::perplexity({.from_logits = false});
  left.measure().expect(loss::mse().traits());
  EXPECT_NEAR(result_of(left, p, labels), right, 1e-5);
}

TEST(MetricsFollowTheLoss, IgnoredLabels) {
  const Tensor few = rows().index({slice(0, 3)});
  const Tensor few_labels = tensor({0, 1, 1}, i64);
  for (const std::int64_t ignored : {2, -1}) {  // a class that pads, and a number that is none
    const loss::LossTraits traits{.ignore_index = ignored};
    const Tensor labels = tensor({0, 1, 1, static_cast<double>(ignored)}, i64);
    for (const Metric& m : {metric::accuracy(), metric::top_k_accuracy(2), metric::precision(),
                            metric::recall(), metric::f1(), metric::perplexity()}) {
      Metric told = m;
      told.measure().expect(traits);
      EXPECT_NEAR(result_of(told, rows(), labels), result_of(m, few, few_labels), 1e-12)
          << m.name();
      EXPECT_NEAR(result_of(told, rows(), labels.to(f32)), result_of(m, few, few_labels), 1e-12)
          << m.name();
    }
  }
}

TEST(MetricTargets, ThatAreNoClassAreErrorsWithTheRow) {
  for (const Metric& m : {metric::accuracy(), metric::top_k_accuracy(2), metric::precision(),
                          metric::confusion_matrix(), metric::perplexity()}) {
    const auto observe = compile(
        [&m](const Tensor& p, const Tensor& t) { return m.measure().observe(p, t, Tensor())[0]; });
    EXPECT_NO_THROW(observe(rows(), tensor({0, 1, 2, -100}, i64)));
    for (const Tensor& bad : {tensor({0, 3, 2, 0}, i64), tensor({0, 3, 2, 0})}) {
      test::expect_error<ValueError>([&] { result_of(m, rows(), bad); }, {"3"});
      test::expect_error<ValueError>([&] { observe(rows(), bad); }, {"3"});
    }
    test::expect_error<ValueError>(
        [&] {
          observe(rows(), tensor({0, 1, 0.5, 0}));
        },
        {"row 2", "0.5"});
  }
  test::expect_error<ValueError>(
      [&] {
        result_of(metric::accuracy(), rows(), tensor({0, 7, 2, 0}, i64));
      },
      {"accuracy", "row 1", "is 7", "a class from 0 to 2"});
}

}  // namespace
}  // namespace nacre
