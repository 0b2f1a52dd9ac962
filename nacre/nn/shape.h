// Layers that change shapes only.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct FlattenOptions {
  int start = 1;  // the first axis that is joined with those after it; 1 keeps the batch

  template <class V>
  void each(V&& v) {
    v(Field{.name = "start", .least = -kMaxRank, .most = kMaxRank}, start);
  }
};
class Flatten : public LayerBase {
 public:
  Flatten() : Flatten(FlattenOptions{}) {}
  explicit Flatten(FlattenOptions options) : LayerBase("Flatten"), options_(options) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const FlattenOptions& options() const { return options_; }

 private:
  FlattenOptions options_;
};

struct PermuteOptions {
  std::vector<int> axes = {};  // of the result, counted from 1: the batch (0) stays, as in Keras

  template <class V>
  void each(V&& v) {
    v(Field{.name = "axes", .least = 0, .needed = true}, axes);
  }
};
// {.axes = {2, 1}} exchanges the two axes after the batch.
class Permute : public LayerBase {
 public:
  // Permute(2, 3, 1).
  template <WholeNumber... Rest>
  explicit Permute(First first, Rest... rest)
      : Permute(PermuteOptions{.axes = listed<int>(first.value, rest...)}) {}
  explicit Permute(PermuteOptions options) : LayerBase("Permute"), options_(std::move(options)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const PermuteOptions& options() const { return options_; }

 private:
  PermuteOptions options_;
};

struct ReshapeOptions {
  std::vector<std::int64_t> shape = {};  // without the batch; one may be -1

  template <class V>
  void each(V&& v) {
    v(Field{.name = "shape", .least = -1, .needed = true}, shape);
  }
};
class Reshape : public LayerBase {
 public:
  // Reshape(3, 64).
  template <WholeNumber... Rest>
  explicit Reshape(First first, Rest... rest)
      : Reshape(ReshapeOptions{.shape = listed<std::int64_t>(first.value, rest...)}) {}
  explicit Reshape(ReshapeOptions options) : LayerBase("Reshape"), options_(std::move(options)) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const ReshapeOptions& options() const { return options_; }

 private:
  ReshapeOptions options_;
};

}  // namespace nacre::nn
