#include "nacre/nn/embedding.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/index/gather.h"

namespace nacre::nn {

Embedding::Embedding(EmbeddingLayerOptions options, Location at)
    : LayerBase("Embedding"), options_(std::move(options)) {
  const std::int64_t padding = options_.padding_index.value_or(0);
  if (options_.input_dim < 1 || options_.output_dim < 1 || padding < 0 ||
      padding >= options_.input_dim) {
    throw ValueError(format_error(
        {.op = "Embedding",
         .what = fmt::format("input_dim = {}, output_dim = {}, padding_index = {}; both sizes must "
                             "be at least 1 and the index below input_dim",
                             options_.input_dim, options_.output_dim, padding),
         .location = at}));
  }
  const Shape shape{options_.input_dim, options_.output_dim};
  Tensor values =
      initial(options_.initializer, init::uniform(), shape, f32, fans_of(shape)).clone();
  if (options_.padding_index) {
    const auto row = values.mutable_data<float>().subspan(
        static_cast<std::size_t>(padding * options_.output_dim),
        static_cast<std::size_t>(options_.output_dim));
    std::fill(row.begin(), row.end(), 0.0f);
  }
  weight.define(std::move(values), "weight");
}

Tensor Embedding::operator()(const Operand& indices) {
  const LayerCall call(*this);
  const Shape expected{options_.input_dim, options_.output_dim};
  if (!(weight.shape() == expected)) {
    call.fail_shape(indices,
                    fmt::format("it has weights {}, its options ask for {}",
                                to_string(weight.spec()), to_string(expected)),
                    "the weights were loaded from a file of another network");
  }
  return call.done(embedding(Operand(weight.value(), indices.at()), indices,
                             {.padding_index = options_.padding_index}));
}

}  // namespace nacre::nn
