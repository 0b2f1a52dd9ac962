// Losses. Predictions of 16-bit floats are widened first: a loss is computed, and comes, in f32.
// Targets that cannot be meant (a label that is no class, a probability beyond [0, 1]) are a
// ValueError with the row, also in a compiled step. A loss is a value: loss::mse()(prediction,
// target) is a scalar tensor;
// `.loss = loss::sparse_categorical_crossentropy({.from_logits = true})` gives it to a Model.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "nacre/ops/define/operand.h"

namespace nacre::loss {

enum class Reduction {
  mean,  // sum / sum of weights (the number of samples or positions when there are none)
  sum,
  none,  // one value a sample, or a position where targets have positions
};

// What others may need to know of a loss.
struct LossTraits {
  // Whether predictions are logits, which metrics then take them for (log-probabilities are some);
  // unset where the loss does not know.
  std::optional<bool> from_logits = {};
  // Targets with this class number are left out of the mean; where nothing else is there, it is
  // NaN.
  std::optional<std::int64_t> ignore_index = {};
};

class Loss {
 public:
  // Values [batch] or [batch, positions...] of predictions and targets.
  using Function = std::function<Tensor(const Operand& prediction, const Tensor& target)>;

  Loss() = default;
  Loss(std::string name, Function values, Reduction reduction = Reduction::mean,
       const LossTraits& traits = {})
      : name_(std::move(name)),
        values_(std::move(values)),
        reduction_(reduction),
        traits_(traits) {}
  // By name: "mse", "mae", "huber", "binary_crossentropy", "categorical_crossentropy",
  // "sparse_categorical_crossentropy", ... with their defaults. Throws ValueError with the names.
  Loss(const char* name);
  explicit Loss(const std::string& name) : Loss(name.c_str()) {}
  // A function of the user from (prediction, target) to values or to a scalar.
  template <class F>
  requires(
      std::is_class_v<F>&& std::is_invocable_r_v<Tensor, const F&, const Tensor&, const Tensor&>)
      Loss(F function)  // NOLINT: implicit
      : Loss("custom", [f = std::move(function)](const Operand& prediction, const Tensor& target) {
          return f(prediction.tensor(), target);
        }) {}

  explicit operator bool() const { return static_cast<bool>(values_); }
  const std::string& name() const { return name_; }
  Reduction reduction() const { return reduction_; }
  const LossTraits& traits() const { return traits_; }
  Loss with(Reduction reduction) const { return {name_, values_, reduction, traits_}; }

  // The reduced loss; `weights` [batch] (or of the values' shape) weigh samples. Throws ShapeError
  // for weights that do not fit.
  Tensor operator()(const Operand& prediction, const Operand& target,
                    const Tensor& weights = {}) const;
  // The reduced loss, and what it counts for beside those of other batches: what the mean was
  // divided by (f64 scalar), or the number of values for the other reductions.
  struct Weighed {
    Tensor loss;
    Tensor weight;
  };
  Weighed weighed(const Operand& prediction, const Operand& target,
                  const Tensor& weights = {}) const;
  // The values before weights and reduction, f32 of 16-bit predictions. Throws ValueError for a
  // Loss of no function.
  Tensor values(const Operand& prediction, const Tensor& target) const;

 private:
  // The weights that count: those given times 0 where the target is ignored; undefined for all 1.
  Tensor weights_of(const Tensor& values, const Tensor& target, const Tensor& weights,
                    const Location& at) const;
  Tensor reduce_counted(const Tensor& values, const Tensor& weights, bool weighted) const;

  std::string name_;
  Function values_;
  Reduction reduction_ = Reduction::mean;
  LossTraits traits_;
};

// (values * weights) reduced; weights may lack trailing axes. A mean whose weights are all zero is
// zero; of no values it is NaN.
Tensor reduce(const Tensor& values, const Tensor& weights, Reduction reduction);

// Regression. Each is the mean over the last axis, as in Keras.
Loss mse();  // (p - t)^2
Loss mae();  // |p - t|
// Huber, "Robust estimation of a location parameter", 1964: quadratic up to `delta`.
Loss huber(double delta = 1);
Loss log_cosh();

// Probabilities that come straight from softmax or sigmoid, in a traced function or under a
// GradientTape, are not read: the loss is computed from the logits behind them, which no logit
// saturates. A class number that is not one of the classes is a ValueError.
struct CrossentropyOptions {
  bool from_logits = false;    // predictions are logits, not probabilities
  double label_smoothing = 0;  // in [0, 1): moves this share of the target to all classes evenly
};
// Predictions and targets of one shape; targets in [0, 1].
Loss binary_crossentropy(const CrossentropyOptions& options = {});
// Targets are distributions over the last axis (one-hot, for instance).
Loss categorical_crossentropy(const CrossentropyOptions& options = {});
// Targets are class numbers: predictions [batch, ..., classes], targets [batch, ...] of any
// integer type, or whole numbers of a floating type (or [batch, ..., 1]). Places whose target is
// -100 are ignored, as in PyTorch: their loss is 0 and they do not count in the mean.
Loss sparse_categorical_crossentropy(const CrossentropyOptions& options = {});
// Predictions are log-probabilities [batch, ..., classes], targets class numbers; -100 is ignored.
Loss nll();

struct FocalOptions {
  double gamma = 2;
  // The weight of the positive class (binary), or of all classes; below 0: none. Unless given 0.25
  // for binary_focal, none for sparse_categorical_focal.
  std::optional<double> alpha = {};
  bool from_logits = false;
};
// Lin et al., "Focal loss for dense object detection", 2017. Binary: shapes as in
// binary_crossentropy. Where a prediction is sure, value and gradient are their limit, 0.
Loss binary_focal(const FocalOptions& options = {});
// For class numbers: alpha (1 - p)^gamma (-log p) of the true class; -100 is ignored.
Loss sparse_categorical_focal(const FocalOptions& options = {});

// Sum over the last axis of t log(t / p); both are distributions (targets outside of [0, 1] are a
// ValueError).
Loss kl_divergence();

// Targets -1 or 1 (0 counts as -1): max(0, 1 - t p), its square, and for one-hot targets.
Loss hinge();
Loss squared_hinge();
Loss categorical_hinge();

// -cos(p, t) over the last axis, as in Keras.
Loss cosine_similarity();

// Hadsell et al., 2006: predictions are distances d [batch, ...], targets 1 for a like pair, 0 for
// another: t d^2 + (1 - t) max(0, margin - d)^2.
Loss contrastive(double margin = 1);
// Schroff et al., "FaceNet", 2015: max(0, |a - p| - |a - n| + margin) with Euclidean distances;
// predictions are [batch, 3, features] (anchor, positive, negative), targets are ignored.
Loss triplet(double margin = 1);

struct CtcLossOptions {
  std::int64_t blank = 0;      // the class that stands for no label
  bool zero_infinity = false;  // 0 instead of infinity for a sequence too short for its labels
};
// Graves et al., "Connectionist temporal classification", 2006. Predictions are logits
// [batch, time, classes]; targets [batch, length] are class numbers padded with -1. Values are
// -log of the targets' probability, divided by the number of labels (PyTorch's mean reduction).
// Sequences of several lengths in a batch: ctc_loss (ops/network/ctc.h) takes the steps of each.
Loss ctc(const CtcLossOptions& options = {});

}  // namespace nacre::loss
