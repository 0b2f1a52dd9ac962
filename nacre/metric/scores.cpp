// Measures of rows of scores, an answer at a time: accuracy, top-k accuracy, perplexity.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "nacre/metric/sums.h"
#include "nacre/ops/api.h"

namespace nacre::metric {

double ClassMeasure::cut(double threshold) const {
  if (!from_logits_) return threshold;
  if (!(threshold > 0 && threshold < 1)) {
    throw ValueError(
        fmt::format("metric: threshold {} is no probability between 0 and 1\n  hint: predictions "
                    "are logits; the threshold is that of sigmoid(prediction)",
                    threshold));
  }
  return std::log(threshold / (1 - threshold));
}

Decisions decide(const char* who, const Operand& prediction, const Tensor& target,
                 const Tensor& weights, double threshold, std::int64_t ignore) {
  const Tensor p = prediction.tensor();
  const bool rows = p.rank() >= 2 && p.size(-1) > 1;
  const bool same = target.shape() == p.shape();
  const auto whole_row = [&] { return logical_not(any(is_nan(p), {-1})); };
  if (rows && !same) {
    const Tensor given = class_numbers(who, prediction, target, ignore);
    const Tensor counts = not_equal(given, ignore);
    // What does not count is told by the weights; the ops that read labels know one number for it.
    const Tensor numbers = ignore == kIgnoreIndex ? given : where(counts, given, kIgnoreIndex);
    const Tensor ones = counts.to(f64);
    const Tensor w =
        weights.defined() ? ones * spread_weights(weights, ones, prediction.at()) : ones;
    return {argmax(p, -1), numbers, whole_row(), w, p.size(-1)};
  }
  if (rows && p.rank() == 2) {
    return {argmax(p, -1), argmax(target, -1), whole_row(), weights, p.size(-1)};
  }
  const Tensor actual = like_prediction(who, prediction, target);
  return {greater(p, threshold).to(i64), greater(actual, 0.5).to(i64), logical_not(is_nan(p)),
          weights, 2};
}

namespace {

// A share of all answers, or of what else was summed up.
class Share : public ClassMeasure {
 public:
  using ClassMeasure::ClassMeasure;
  double result() const override {
    return sums_.empty() ? std::numeric_limits<double>::quiet_NaN() : sums_[0] / sums_[1];
  }
};

class Accuracy final : public Share {
 public:
  explicit Accuracy(const AccuracyOptions& options)
      : Share(options.from_logits), threshold_(options.threshold) {}
  std::unique_ptr<Measure> clone() const override { return std::make_unique<Accuracy>(*this); }
  Tensors observe(const Operand& p, const Tensor& t, const Tensor& w) const override {
    Decisions d = decide("accuracy", p, t, w, cut(threshold_), ignore_);
    if (!is_floating(t.dtype())) {  // those are looked at already
      Expectation expected = expected_classes("accuracy", d.classes);
      expected.but_for = kIgnoreIndex;
      d.actual = expect_elements({d.actual, p.at()}, expected);
    }
    return weighted_sums(logical_and(equal(d.predicted, d.actual), d.is_number).to(f32), d.weights);
  }

 private:
  double threshold_;
};

// Predictions of one score, or of fewer than are wanted, are no rows of scores.
void expect_rows(const char* who, const Operand& prediction, std::int64_t least) {
  const Tensor p = prediction.tensor();
  const auto fail = [&](const std::string& what, const std::string& hint) {
    throw ValueError(format_error({.op = who,
                                   .what = what,
                                   .inputs = "prediction " + to_string(p.spec()),
                                   .location = prediction.at(),
                                   .hint = hint}));
  };
  if (p.rank() < 2 || p.size(-1) < 2) {
    fail("predictions [..., classes] of two classes or more are expected",
         "of one score a sample, accuracy and auc tell");
  }
  if (p.size(-1) < least) {
    fail(fmt::format("k is {}, and there are {} classes", least, p.size(-1)),
         fmt::format("of the best {} every answer would be right: take a k below {}", least,
                     p.size(-1)));
  }
}

class TopK final : public Share {
 public:
  explicit TopK(int k) : Share(false), k_(k) {}
  std::unique_ptr<Measure> clone() const override { return std::make_unique<TopK>(*this); }
  Tensors observe(const Operand& p, const Tensor& t, const Tensor& w) const override {
    expect_rows("top_k_accuracy", p, k_);
    const Tensor scores = p.tensor();
    const Decisions d = decide("top_k_accuracy", p, t, w, 0.5, ignore_);
    // Not "scores * rows": where others are NaN or infinite the own score is not.
    const Tensor rows = one_hot_rows(d.actual, scores.size(-1), boolean);
    const Tensor own = sum(where(rows, scores, zeros_like(scores)), {-1}, true);
    // A NaN is above whatever is compared with it.
    const Tensor higher = sum(logical_not(less_equal(scores, own)), {-1});
    return weighted_sums(less(higher, k_).to(f32), d.weights);
  }

 private:
  int k_;
};

class Perplexity final : public Share {
 public:
  explicit Perplexity(const PerplexityOptions& options) : Share(options.from_logits) {}
  std::unique_ptr<Measure> clone() const override { return std::make_unique<Perplexity>(*this); }
  Tensors observe(const Operand& p, const Tensor& t, const Tensor& w) const override {
    expect_rows("perplexity", p, 0);
    const Decisions d = decide("perplexity", p, t, w, 0.5, ignore_);
    const loss::Loss entropy = loss::sparse_categorical_crossentropy({.from_logits = from_logits_});
    return weighted_sums(entropy.values(p, d.actual), d.weights);
  }
  double result() const override { return std::exp(Share::result()); }
};

}  // namespace

Metric accuracy(double threshold) { return accuracy(AccuracyOptions{.threshold = threshold}); }
Metric accuracy(const AccuracyOptions& options) {
  return {"accuracy", std::make_unique<Accuracy>(options)};
}

Metric top_k_accuracy(int k) {
  if (k < 1) throw ValueError(fmt::format("top_k_accuracy: k = {} is below 1", k));
  return {fmt::format("top_{}_accuracy", k), std::make_unique<TopK>(k)};
}

Metric perplexity(const PerplexityOptions& options) {
  return {"perplexity", std::make_unique<Perplexity>(options)};
}

}  // namespace nacre::metric
