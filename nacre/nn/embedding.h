// Embedding: a learned vector for each of a number of tokens, categories or other items.
#pragma once

#include <optional>

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct EmbeddingOptions {
  std::int64_t inputs = 0;                         // how many items, at least 1
  std::int64_t units = 0;                          // length of a vector, at least 1
  std::optional<std::int64_t> padding_index = {};  // a row that starts as zeros and stays so
  Initializer weight_initializer = {};             // default: uniform in [-0.05, 0.05], as in Keras

  template <class V>
  void each(V&& v) {
    v(Field{.name = "inputs", .least = 1, .needed = true}, inputs);
    v(Field{.name = "units", .least = 1, .needed = true}, units);
    v(Field{.name = "padding_index"}, padding_index);
    v(Field{.name = "weight_initializer"}, weight_initializer);
  }
};
// Integers [...] give vectors [..., units]; `weight` is [inputs, units].
class Embedding : public LayerBase {
 public:
  // Throws ValueError when a size is below 1 or padding_index is not below inputs.
  explicit Embedding(EmbeddingOptions options, Location at = std::source_location::current());
  // Embedding(1000, 64).
  explicit Embedding(First inputs, std::int64_t units, EmbeddingOptions options = {});
  Tensor operator()(const Operand& indices);
  void visit(ModuleVisitor& visitor) { visitor.variable("weight", weight); }

  Variable weight;
  const EmbeddingOptions& options() const { return options_; }

 private:
  EmbeddingOptions options_;
};

}  // namespace nacre::nn
