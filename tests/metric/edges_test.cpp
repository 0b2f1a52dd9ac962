// Metrics of NaN, of nothing, of ignored labels and of logits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nacre/loss/loss.h"
#include "nacre/metric/metric.h"
#include "nacre/ops/api.h"

namespace nacre {
namespace {

using metric::Metric;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double result_of(Metric m, const Tensor& p, const Tensor& t, const Tensor& w = {}) {
  m.update(p, t, w);
  return m.result();
}

TEST(MetricEdges, NothingSeenIsNaN) {
  for (const Metric& m : {metric::accuracy(), metric::top_k_accuracy(), metric::precision(),
                          metric::recall(), metric::f1(), metric::confusion_matrix(), metric::auc(),
                          metric::mean_absolute_error(), metric::mean_squared_error(),
                          metric::root_mean_squared_error(), metric::r2(), metric::perplexity()}) {
    EXPECT_TRUE(std::isnan(m.result())) << m.name();
  }
  EXPECT_TRUE(
      std::isnan(result_of(metric::accuracy(), zeros({2, 3}), zeros({2}).to(i64), zeros({2}))));
}

TEST(MetricEdges, AScoreThatIsNoNumberHasNoPlace) {
  EXPECT_TRUE(std::isnan(result_of(metric::auc(), tensor({0.1, kNan, 0.7}), tensor({0, 1, 1}))));
  // One of no weight is not looked at.
  EXPECT_EQ(
      result_of(metric::auc(), tensor({0.1, kNan, 0.7}), tensor({0, 1, 1}), tensor({1, 0, 1})), 1);
  const Tensor rows = tensor({{kNan, kNan, kNan}, {0, 1, 0}, {kNan, 5, 0}});
  const Tensor labels = tensor({0, 1, 1}, i64);
  EXPECT_NEAR(result_of(metric::accuracy(), rows, labels), 1.0 / 3, 1e-12);
  EXPECT_NEAR(result_of(metric::top_k_accuracy(1), rows, labels), 1.0 / 3, 1e-12);
  // The NaN stands above 5, so 5 is the second.
  EXPECT_NEAR(result_of(metric::top_k_accuracy(2), rows, labels), 2.0 / 3, 1e-12);
  EXPECT_EQ(result_of(metric::accuracy(), tensor({kNan, 0.2}), tensor({0, 0})), 0.5);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(result_of(metric::top_k_accuracy(1), tensor({{infinity, 1}, {-infinity, 1}}),
                      tensor({0, 1}, i64)),
            1);
}

TEST(MetricEdges, IgnoredLabelsDoNotCount) {
  const Tensor rows = tensor({{3, 0, 0}, {0, 2, 0}, {0, 1, 0}, {9, 0, 0}});
  const Tensor labels = tensor({0, 1, 2, -100}, i64);
  const Tensor kept = rows.index({slice(0, 3)});
  const Tensor few = tensor({0, 1, 2}, i64);
  for (const Metric& m :
       {metric::accuracy(), metric::top_k_accuracy(1), metric::precision(), metric::recall(),
        metric::f1(), metric::confusion_matrix(), metric::perplexity()}) {
    for (const Tensor& w : {Tensor(), tensor({1, 2, 3, 4})}) {
      const Tensor w3 = w.defined() ? tensor({1, 2, 3}) : Tensor();
      EXPECT_NEAR(result_of(m, rows, labels, w), result_of(m, kept, few, w3), 1e-12) << m.name();
    }
    EXPECT_TRUE(std::isnan(result_of(m, rows, full({4}, -100).to(i64)))) << m.name();
  }
}

TEST(MetricEdges, LogitsAreCutWhereTheirProbabilityIs) {
  const Tensor logits = tensor({0.3, -0.2, 2, 0.4});
  const Tensor truth = tensor({1, 0, 1, 0});
  const Tensor p = sigmoid(logits);
  for (const double threshold : {0.5, 0.58, 0.7}) {
    EXPECT_EQ(
        result_of(metric::accuracy({.threshold = threshold, .from_logits = true}), logits, truth),
        result_of(metric::accuracy(threshold), p, truth));
    const metric::ClassOptions binary{.average = metric::Average::binary, .threshold = threshold};
    Metric of_logits = metric::f1(binary);
    of_logits.measure().expect({.from_logits = true});
    EXPECT_EQ(result_of(of_logits, logits, truth), result_of(metric::f1(binary), p, truth));
  }
  EXPECT_THROW(result_of(metric::accuracy({.threshold = 2, .from_logits = true}), logits, truth),
               ValueError);
}

TEST(MetricEdges, WeightsAndTargetsThatDoNotFitAreErrors) {
  EXPECT_EQ(
      result_of(metric::mean_absolute_error(), tensor({1, 3}), zeros({2}), tensor({{1}, {0}})), 1);
  EXPECT_THROW(result_of(metric::mean_absolute_error(), ones({4}), zeros({4}), ones({3})),
               ShapeError);
  EXPECT_THROW(result_of(metric::accuracy(), zeros({2, 3}), tensor({1, 0.5})), ValueError);
  EXPECT_THROW(result_of(metric::accuracy(), zeros({2, 3}), ones({3}).to(i64)), ShapeError);
}

}  // namespace
}  // namespace nacre
