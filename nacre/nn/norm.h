// Normalisation layers.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct BatchNormOptions {
  double momentum = 0.99;   // running = momentum * running + (1 - momentum) * batch, as in Keras
  double epsilon = 1e-3;    // as in Keras (PyTorch: 1e-5, and its momentum is 1 - this one)
  bool affine = true;       // learns a scale and a shift
  std::int64_t inputs = 0;  // channels; 0: taken from the first input

  template <class V>
  void each(V&& v) {
    v(Field{.name = "momentum"}, momentum);
    v(Field{.name = "epsilon"}, epsilon);
    v(Field{.name = "affine"}, affine);
    v(Field{.name = "inputs", .implied = true}, inputs);
  }
};
// Ioffe and Szegedy, "Batch normalization", 2015. x is [batch, channels, ...]; each channel gets
// mean 0 and variance 1 over all other axes: those of the batch while training() (the biased
// variance), else the running ones. The running variance collects the unbiased variance, as in
// PyTorch. A frozen layer (set_trainable(false)) infers, as in Keras.
// State: weight, bias, running_mean, running_var, num_batches_tracked.
class BatchNorm : public LayerBase {
 public:
  BatchNorm() : BatchNorm(BatchNormOptions{}) {}
  explicit BatchNorm(BatchNormOptions options);
  // PyTorch's: the number of channels.
  explicit BatchNorm(First inputs, BatchNormOptions options = {})
      : BatchNorm(sized("BatchNorm", options, &BatchNormOptions::inputs, inputs)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);
  const BatchNormOptions& options() const { return options_; }

  Variable weight;
  Variable bias;
  Variable running_mean;
  Variable running_var;
  Variable num_batches_tracked;

 private:
  void build(std::int64_t channels, DType dtype);
  BatchNormOptions options_;
};

using BatchNorm1d = BatchNorm;
using BatchNorm2d = BatchNorm;
using BatchNorm3d = BatchNorm;

struct LayerNormOptions {
  int axes = 1;           // how many of the last axes are normalised together
  double epsilon = 1e-5;  // as in PyTorch (Keras: 1e-3)
  bool affine = true;
  bool use_bias = true;

  template <class V>
  void each(V&& v) {
    v(Field{.name = "axes", .least = 1, .most = kMaxRank}, axes);
    v(Field{.name = "epsilon"}, epsilon);
    v(Field{.name = "affine"}, affine);
    v(Field{.name = "use_bias"}, use_bias);
  }
};
// Ba, Kiros and Hinton, "Layer normalization", 2016. State: weight, bias of the normalised axes'
// shape.
class LayerNorm : public LayerBase {
 public:
  LayerNorm() : LayerNorm(LayerNormOptions{}) {}
  explicit LayerNorm(LayerNormOptions options);
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);

  Variable weight;
  Variable bias;
  const LayerNormOptions& options() const { return options_; }

 private:
  LayerNormOptions options_;
};

struct GroupNormOptions {
  std::int64_t groups = 32;  // divides the channels; 1: one group; equal to them: instance norm
  double epsilon = 1e-5;
  bool affine = true;

  template <class V>
  void each(V&& v) {
    v(Field{.name = "groups", .least = 1}, groups);
    v(Field{.name = "epsilon"}, epsilon);
    v(Field{.name = "affine"}, affine);
  }
};
// Wu and He, "Group normalization", 2018: over the channels of a group and all spatial axes of
// x [batch, channels, ...]. State: weight, bias [channels].
class GroupNorm : public LayerBase {
 public:
  GroupNorm() : GroupNorm(GroupNormOptions{}) {}
  explicit GroupNorm(GroupNormOptions options);
  explicit GroupNorm(First groups) : GroupNorm(GroupNormOptions{.groups = groups.value}) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);

  Variable weight;
  Variable bias;
  const GroupNormOptions& options() const { return options_; }

 private:
  GroupNormOptions options_;
};

struct RMSNormOptions {
  double epsilon = 1e-6;
  bool affine = true;

  template <class V>
  void each(V&& v) {
    v(Field{.name = "epsilon"}, epsilon);
    v(Field{.name = "affine"}, affine);
  }
};
// Zhang and Sennrich, "Root mean square layer normalization", 2019, over the last axis. State:
// weight.
class RMSNorm : public LayerBase {
 public:
  RMSNorm() : RMSNorm(RMSNormOptions{}) {}
  explicit RMSNorm(RMSNormOptions options);
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);

  Variable weight;
  const RMSNormOptions& options() const { return options_; }

 private:
  RMSNormOptions options_;
};

}  // namespace nacre::nn
