// Metrics: exact over a whole set, whatever the batch size, because they keep sums (or, for AUC,
// the scores) and divide at the end.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nacre/ops/define/operand.h"

namespace nacre::loss {
struct LossTraits;
}

namespace nacre::metric {

// One measure and what it has seen so far. A value: copies do not share what they have seen.
class Metric {
 public:
  // What a measure defines.
  class Measure {
   public:
    virtual ~Measure() = default;
    virtual std::unique_ptr<Measure> clone() const = 0;
    // What is kept of a batch, as ops: runs within the compiled step. `weights` may be undefined.
    virtual Tensors observe(const Operand& prediction, const Tensor& target,
                            const Tensor& weights) const = 0;
    // How many tensors observe() gives.
    virtual std::size_t observed_count() const { return 2; }
    // Adds what observe() gave, now concrete.
    virtual void add(std::span<const Tensor> observed) = 0;
    // NaN where nothing was seen that counts.
    virtual double result() const = 0;
    // What the loss beside it knows of the predictions and targets to come: whether they are
    // logits (a threshold between 0 and 1 is one of their sigmoid), and which label does not
    // count. A Model tells the metrics of each output.
    virtual void expect(const loss::LossTraits& /*traits*/) {}
    // The result with one value a class, or the whole matrix; a scalar where there is only one.
    virtual Tensor table() const { return Tensor::scalar(result(), f64); }
    virtual void reset() = 0;
    // All that was seen, as numbers, to be saved and restored.
    virtual std::vector<double> state() const = 0;
    virtual void load_state(std::span<const double> state) = 0;
  };

  // Throws ValueError for a null measure.
  Metric(std::string name, std::unique_ptr<Measure> measure)
      : name_(std::move(name)), measure_(std::move(measure)) {
    if (!measure_) throw ValueError("metric: the measure of \"" + name_ + "\" is null");
  }
  Metric(const Metric& other) : name_(other.name_), measure_(other.measure_->clone()) {}
  Metric(Metric&&) noexcept = default;
  Metric& operator=(const Metric& other) {
    name_ = other.name_;
    measure_ = other.measure_->clone();
    return *this;
  }
  Metric& operator=(Metric&&) noexcept = default;
  // By name: "accuracy", "mae", "top_3_accuracy", ... Throws ValueError that lists the names.
  Metric(const char* name);

  const std::string& name() const { return name_; }
  Metric named(std::string name) const {
    Metric copy = *this;
    copy.name_ = std::move(name);
    return copy;
  }
  // Takes a batch.
  void update(const Operand& prediction, const Tensor& target, const Tensor& weights = {}) {
    measure_->add(measure_->observe(prediction, target, weights));
  }
  double result() const { return measure_->result(); }
  Tensor table() const { return measure_->table(); }
  void reset() { measure_->reset(); }
  Measure& measure() { return *measure_; }
  const Measure& measure() const { return *measure_; }

 private:
  std::string name_;
  std::unique_ptr<Measure> measure_;
};

// Where a loss stands beside them, metrics follow its from_logits and its ignored label; -100 is
// ignored unless it says otherwise. Labels that are no class are a ValueError with the row.

struct AccuracyOptions {
  double threshold = 0.5;  // where predictions are one score
  bool from_logits = false;
};
// The share of right answers. By the shapes: class numbers against rows of scores (-100 does not
// count); one-hot rows against rows of scores; otherwise both sides are compared after a threshold.
// A prediction of NaN is wrong.
Metric accuracy(double threshold = 0.5);
Metric accuracy(const AccuracyOptions& options);
// The true class is among the k highest scores; of equal scores those before the true class's
// count against it only when they are strictly higher. Throws ValueError for k below 1, and for
// predictions [..., classes] of fewer than k classes, of which every answer would be right.
Metric top_k_accuracy(int k = 5);

enum class Average {
  binary,    // of class 1; predictions are scores of it, cut at the threshold
  macro,     // the mean over classes
  micro,     // over all decisions
  weighted,  // the mean over classes weighted by their true counts
};
struct ClassOptions {
  Average average = Average::macro;
  double threshold = 0.5;  // where predictions are one score
  bool from_logits = false;
};
// Targets of -100 do not count. 0 where a class was never predicted (precision) or never occurs
// (recall), as in scikit-learn. table() has one value a class.
Metric precision(const ClassOptions& options = {});
Metric recall(const ClassOptions& options = {});
Metric f1(const ClassOptions& options = {});
// table() is [true class, predicted class] counts; result() is the accuracy.
Metric confusion_matrix(double threshold = 0.5);

// The area under the ROC curve of scores against targets 0 and 1, exact, ties counted half. NaN
// where all targets are equal, or a score that counts is NaN.
Metric auc();

Metric mean_absolute_error();
Metric mean_squared_error();
Metric root_mean_squared_error();
// 1 - residual / total sum of squares, averaged over the outputs; of targets that are all equal 1
// when they are met and 0 else, as in scikit-learn.
Metric r2();
// exp of the mean negative log-probability of the true class; predictions are [..., classes].
struct PerplexityOptions {
  bool from_logits = true;  // where no loss says it
};
Metric perplexity(const PerplexityOptions& options = {});

}  // namespace nacre::metric
