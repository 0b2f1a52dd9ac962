// Positions: what tells a model that sees all steps at once which is where.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct PositionEmbeddingOptions {
  std::int64_t length = 0;  // the most steps, at least 1
  std::int64_t units = 0;   // features; 0: taken from the first input
  // Fixed sines and cosines (Vaswani et al., 2017) instead of learned vectors.
  bool sinusoidal = false;
  Initializer weight_initializer = {};  // default: normal, deviation 0.02, as in GPT-2

  template <class V>
  void each(V&& v) {
    v(Field{.name = "length", .least = 1, .needed = true}, length);
    v(Field{.name = "units", .implied = true}, units);
    v(Field{.name = "sinusoidal"}, sinusoidal);
    v(Field{.name = "weight_initializer"}, weight_initializer);
  }
};

// x [batch, steps, units] plus a vector of each step's place; `weight` is [length, units]. In a
// Decoding places count from the beginning of the sequence.
class PositionEmbedding : public LayerBase {
 public:
  // Throws ValueError for a length below 1.
  explicit PositionEmbedding(PositionEmbeddingOptions options,
                             Location at = std::source_location::current());
  // PositionEmbedding(256).
  explicit PositionEmbedding(First length, PositionEmbeddingOptions options = {});
  // Throws ShapeError for another shape or more steps than `length`.
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);
  const PositionEmbeddingOptions& options() const { return options_; }

  Variable weight;  // of learned vectors

 private:
  PositionEmbeddingOptions options_;
};

}  // namespace nacre::nn
