// SumsMeasure: a measure that is a function of sums over all samples.
#pragma once

#include <limits>

#include "nacre/loss/loss.h"
#include "nacre/loss/targets.h"
#include "nacre/metric/metric.h"

namespace nacre::metric {

class SumsMeasure : public Metric::Measure {
 public:
  void add(std::span<const Tensor> observed) override;
  void reset() override { sums_.clear(); }
  std::vector<double> state() const override { return sums_; }
  void load_state(std::span<const double> state) override {
    sums_.assign(state.begin(), state.end());
  }

 protected:
  // All observed elements, summed over batches; empty before the first.
  std::vector<double> sums_;
};

// A measure from two lambdas: `observe` gives one tensor of sums, `finish` the result of the
// totals.
template <class Observe, class Finish>
class SumsOf final : public SumsMeasure {
 public:
  SumsOf(Observe observe, Finish finish, std::size_t observed)
      : observe_(std::move(observe)), finish_(std::move(finish)), observed_(observed) {}
  std::unique_ptr<Measure> clone() const override { return std::make_unique<SumsOf>(*this); }
  Tensors observe(const Operand& prediction, const Tensor& target,
                  const Tensor& weights) const override {
    return observe_(prediction, target, weights);
  }
  std::size_t observed_count() const override { return observed_; }
  double result() const override {
    return sums_.empty() ? std::numeric_limits<double>::quiet_NaN() : finish_(sums_);
  }

 private:
  Observe observe_;
  Finish finish_;
  std::size_t observed_;
};
template <class Observe, class Finish>
std::unique_ptr<Metric::Measure> sums_of(Observe observe, Finish finish, std::size_t observed = 2) {
  return std::make_unique<SumsOf<Observe, Finish>>(std::move(observe), std::move(finish), observed);
}

// Sums of what depends on classes: knows what the loss beside it knows.
class ClassMeasure : public SumsMeasure {
 public:
  explicit ClassMeasure(bool from_logits) : from_logits_(from_logits) {}
  void expect(const loss::LossTraits& traits) override {
    from_logits_ = traits.from_logits.value_or(from_logits_);
    ignore_ = traits.ignore_index.value_or(ignore_);
  }

 protected:
  // Where scores are cut, given a threshold of probabilities.
  double cut(double threshold) const;

  bool from_logits_;
  std::int64_t ignore_ = kIgnoreIndex;
};

// {sum of weights * values, sum of weights} as f64; weights are 1 where undefined.
Tensors weighted_sums(const Tensor& values, const Tensor& weights);

// The class that a prediction means: the largest of a row of scores, or threshold of one score.
// `target` decides which, as told at accuracy(). Both come back as i64 of one shape.
struct Decisions {
  Tensor predicted;
  Tensor actual;
  Tensor is_number;  // false where the prediction is NaN, or one of its scores
  Tensor weights;    // those given, 0 where the target is `ignore`; undefined where all are 1
  std::int64_t classes = 2;
};
Decisions decide(const char* who, const Operand& prediction, const Tensor& target,
                 const Tensor& weights, double threshold, std::int64_t ignore);

}  // namespace nacre::metric
