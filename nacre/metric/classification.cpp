// Measures that follow from the confusion matrix.
#include <cmath>
#include <limits>

#include "nacre/loss/targets.h"
#include "nacre/metric/sums.h"
#include "nacre/ops/api.h"

namespace nacre::metric {
namespace {

enum class Kind { precision, recall, f1, accuracy };

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

class ConfusionMeasure final : public ClassMeasure {
 public:
  ConfusionMeasure(Kind kind, const ClassOptions& options)
      : ClassMeasure(options.from_logits), kind_(kind), options_(options) {}
  std::unique_ptr<Measure> clone() const override {
    return std::make_unique<ConfusionMeasure>(*this);
  }

  Tensors observe(const Operand& prediction, const Tensor& target,
                  const Tensor& weights) const override {
    const Decisions d =
        decide("confusion_matrix", prediction, target, weights, cut(options_.threshold), ignore_);
    const std::int64_t n = d.actual.elements();
    Tensor actual = one_hot_rows(reshape(d.actual, Shape{n}), d.classes, f32);
    const Tensor predicted = one_hot_rows(reshape(d.predicted, Shape{n}), d.classes, f32);
    if (d.weights.defined()) {
      const Tensor w = spread_weights(d.weights, d.actual.to(f32), prediction.at());
      actual = actual * reshape(broadcast_to(w, d.actual.shape()), Shape{n, 1});
    }
    return {matmul(transpose(actual), predicted)};
  }

  std::size_t observed_count() const override { return 1; }
  double result() const override {
    constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    if (sums_.empty()) return kNone;
    const std::size_t c = classes();
    double diagonal = 0;
    double all = 0;
    for (std::size_t i = 0; i < c; ++i) {
      diagonal += at(i, i);
      all += actual(i);
    }
    if (all == 0) return kNone;
    // Over all decisions of single-label classes, the three measures are the accuracy.
    if (kind_ == Kind::accuracy || options_.average == Average::micro) return share(diagonal, all);
    if (options_.average == Average::binary) return of_class(c - 1);
    double total = 0;
    double weight = 0;
    for (std::size_t i = 0; i < c; ++i) {
      // Classes that neither occur nor were predicted do not exist, as in scikit-learn.
      if (actual(i) == 0 && predicted(i) == 0) continue;
      const double w = options_.average == Average::weighted ? actual(i) : 1;
      total += w * of_class(i);
      weight += w;
    }
    return share(total, weight);
  }

  Tensor table() const override {
    const auto c = static_cast<std::int64_t>(classes());
    if (kind_ == Kind::accuracy) return Tensor::from(sums_, {c, c});
    std::vector<double> values;
    for (std::size_t i = 0; i < classes(); ++i) values.push_back(of_class(i));
    return Tensor::from(values);
  }

 private:
  std::size_t classes() const {
    return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(sums_.size()))));
  }
  double at(std::size_t row, std::size_t column) const { return sums_[row * classes() + column]; }
  double actual(std::size_t i) const {
    double total = 0;
    for (std::size_t j = 0; j < classes(); ++j) total += at(i, j);
    return total;
  }
  double predicted(std::size_t i) const {
    double total = 0;
    for (std::size_t j = 0; j < classes(); ++j) total += at(j, i);
    return total;
  }
  double of_class(std::size_t i) const {
    switch (kind_) {
      case Kind::precision:
        return share(at(i, i), predicted(i));
      case Kind::recall:
        return share(at(i, i), actual(i));
      default:
        return share(2 * at(i, i), actual(i) + predicted(i));
    }
  }

  Kind kind_;
  ClassOptions options_;
};

Metric make(const char* name, Kind kind, const ClassOptions& options) {
  return {name, std::make_unique<ConfusionMeasure>(kind, options)};
}

}  // namespace

Metric precision(const ClassOptions& o) { return make("precision", Kind::precision, o); }
Metric recall(const ClassOptions& o) { return make("recall", Kind::recall, o); }
Metric f1(const ClassOptions& o) { return make("f1", Kind::f1, o); }
Metric confusion_matrix(double threshold) {
  return make("confusion_matrix", Kind::accuracy, {.threshold = threshold});
}

}  // namespace nacre::metric
