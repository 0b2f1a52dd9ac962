// Embedding: a learned vector for each of a number of tokens, categories or other items.
#pragma once

#include <optional>

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct EmbeddingLayerOptions {
  std::int64_t input_dim = 0;                      // how many items, at least 1
  std::int64_t output_dim = 0;                     // length of a vector, at least 1
  std::optional<std::int64_t> padding_index = {};  // a row that starts as zeros and stays so
  Initializer initializer = {};                    // default: uniform in [-0.05, 0.05], as in Keras

  template <class V>
  void each(V&& v) {
    v(Field{.name = "input_dim", .least = 1, .needed = true}, input_dim);
    v(Field{.name = "output_dim", .least = 1, .needed = true}, output_dim);
    v(Field{.name = "padding_index"}, padding_index);
    v(Field{.name = "initializer"}, initializer);
  }
};
// Integers [...] give vectors [..., output_dim]; `weight` is [input_dim, output_dim].
class Embedding : public LayerBase {
 public:
  // Throws ValueError when a size is below 1 or padding_index is not below input_dim.
  explicit Embedding(EmbeddingLayerOptions options, Location at = std::source_location::current());
  Tensor operator()(const Operand& indices);
  void visit(ModuleVisitor& visitor) { visitor.variable("weight", weight); }

  Variable weight;
  const EmbeddingLayerOptions& options() const { return options_; }

 private:
  EmbeddingLayerOptions options_;
};

}  // namespace nacre::nn
