// Metrics against values computed outside of Nacre, whatever the batches and the way between.
#include "nacre/metric/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "nacre/base/random.h"
#include "nacre/ops/api.h"

namespace nacre {
namespace {

#include "tests/metric/reference.inc"

using metric::Average;
using metric::Metric;

const std::int64_t kSamples = static_cast<std::int64_t>(kLabels.size());

struct Data {
  Tensor prediction;
  Tensor target;
};
Data classes() { return {Tensor::from(kScores, {kSamples, 5}).to(f32), Tensor::from(kLabels)}; }
Data two() {
  return {Tensor::from(kBinaryScores, {kSamples, 1}).to(f32), Tensor::from(kBinary, {kSamples, 1})};
}
Data regression() {
  return {Tensor::from(kValues, {kSamples, 3}).to(f32),
          Tensor::from(kTruth, {kSamples, 3}).to(f32)};
}

struct Case {
  const char* name;
  Metric metric;
  Data data;
};
std::vector<Case> cases() {
  const auto average = [](Average a) { return metric::ClassOptions{.average = a}; };
  return {{"accuracy", metric::accuracy(), classes()},
          {"top_1", metric::top_k_accuracy(1), classes()},
          {"top_2", metric::top_k_accuracy(2), classes()},
          {"top_3", metric::top_k_accuracy(3), classes()},
          {"precision macro", metric::precision(), classes()},
          {"recall macro", metric::recall(), classes()},
          {"f1 macro", metric::f1(), classes()},
          {"precision by support", metric::precision(average(Average::weighted)), classes()},
          {"recall by support", metric::recall(average(Average::weighted)), classes()},
          {"f1 by support", metric::f1(average(Average::weighted)), classes()},
          {"precision micro", metric::precision(average(Average::micro)), classes()},
          {"recall micro", metric::recall(average(Average::micro)), classes()},
          {"f1 micro", metric::f1(average(Average::micro)), classes()},
          {"precision binary", metric::precision(average(Average::binary)), two()},
          {"recall binary", metric::recall(average(Average::binary)), two()},
          {"f1 binary", metric::f1(average(Average::binary)), two()},
          {"auc", metric::auc(), two()},
          {"mae", metric::mean_absolute_error(), regression()},
          {"mse", metric::mean_squared_error(), regression()},
          {"rmse", metric::root_mean_squared_error(), regression()},
          {"r2", metric::r2(), regression()},
          {"perplexity", metric::perplexity(), classes()}};
}

Tensor part(const Tensor& t, std::int64_t begin, std::int64_t end) {
  return t.index({slice(begin, end)});
}

// Feeds the data in batches of `size`.
void feed(Metric& m, const Data& d, std::int64_t size, bool weighted) {
  const Tensor weights = Tensor::from(kWeights).to(f32);
  for (std::int64_t i = 0; i < kSamples; i += size) {
    const std::int64_t end = std::min(kSamples, i + size);
    m.update(part(d.prediction, i, end), part(d.target, i, end),
             weighted ? part(weights, i, end) : Tensor());
  }
}

TEST(Metrics, EqualReferenceValuesWhateverTheBatches) {
  for (const bool weighted : {false, true}) {
    for (const Case& c : cases()) {
      const double expected = kExpected.at(c.name + std::string(weighted ? " weighted" : ""))[0];
      for (const std::int64_t size :
           {kSamples, std::int64_t{1}, std::int64_t{7}, std::int64_t{32}}) {
        Metric m = c.metric;
        feed(m, c.data, size, weighted);
        EXPECT_NEAR(m.result(), expected, 2e-6 * std::max(1.0, std::abs(expected)))
            << c.name << (weighted ? " weighted" : "") << ", batches of " << size;
      }
    }
  }
}

TEST(Metrics, TablesHaveAValueAClass) {
  for (const bool weighted : {false, true}) {
    const std::string suffix = weighted ? " weighted" : "";
    for (auto [name, m] :
         std::vector<std::pair<std::string, Metric>>{{"precision classes", metric::precision()},
                                                     {"recall classes", metric::recall()},
                                                     {"f1 classes", metric::f1()},
                                                     {"confusion", metric::confusion_matrix()}}) {
      feed(m, classes(), 9, weighted);
      const std::vector<double> values = m.table().to_vector<double>();
      const std::vector<double>& expected = kExpected.at(name + suffix);
      ASSERT_EQ(values.size(), expected.size()) << name;
      for (std::size_t i = 0; i < values.size(); ++i) {
        EXPECT_NEAR(values[i], expected[i], 1e-6) << name << suffix << " " << i;
      }
      if (name == "confusion") {
        EXPECT_EQ(m.table().shape(), (Shape{5, 5}));
      }
    }
  }
}

TEST(Metrics, StateIsAllTheyHaveSeen) {
  for (const Case& c : cases()) {
    Metric whole = c.metric;
    feed(whole, c.data, 8, true);
    Metric first = c.metric;
    const Tensor weights = Tensor::from(kWeights).to(f32);
    Metric second = c.metric;
    for (std::int64_t i = 0; i < kSamples; i += 8) {
      if (i == 24) second.measure().load_state(first.measure().state());
      const std::int64_t end = std::min(kSamples, i + 8);
      (i < 24 ? first : second)
          .update(part(c.data.prediction, i, end), part(c.data.target, i, end),
                  part(weights, i, end));
    }
    EXPECT_EQ(second.result(), whole.result()) << c.name;
    second.reset();
    EXPECT_TRUE(std::isnan(second.result())) << c.name;
  }
}

TEST(Metrics, TiesAndEdges) {
  // The true class is second of three equal scores: strictly higher ones alone count against it.
  Metric top = metric::top_k_accuracy(1);
  top.update(tensor({{1, 1, 1}}), tensor({1}, i64));
  EXPECT_EQ(top.result(), 1);
  // All scores equal: no better than chance. One class only: there is no pair, and no answer.
  Metric auc = metric::auc();
  auc.update(zeros({4}), tensor({0, 1, 1, 0}));
  EXPECT_EQ(auc.result(), 0.5);
  auc.reset();
  auc.update(tensor({0.1, 0.7}), ones({2}));
  EXPECT_TRUE(std::isnan(auc.result()));
  // R2 of targets that are all equal is 1 when they are met and 0 else, as in scikit-learn.
  Metric r2 = metric::r2();
  r2.update(full({3, 1}, 7), full({3, 1}, 7));
  EXPECT_EQ(r2.result(), 1);
  r2.reset();
  r2.update(full({3, 1}, 8), full({3, 1}, 7));
  EXPECT_EQ(r2.result(), 0);
  // Far from zero the spread is still exact.
  r2.reset();
  r2.update(tensor({{1e9}, {1e9 + 1}, {1e9 + 2}}, f64),
            tensor({{1e9 + 1}, {1e9 + 1}, {1e9 + 1}}, f64));
  r2.update(tensor({{1e9}}, f64), tensor({{1e9 - 3}}, f64));
  EXPECT_NEAR(r2.result(), 1 - 11.0 / 12, 1e-9);
  EXPECT_THROW(Metric("acuracy"), ValueError);
  EXPECT_THROW(metric::top_k_accuracy(0), ValueError);
}

}  // namespace
}  // namespace nacre
