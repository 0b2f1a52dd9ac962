#include "nacre/nn/embedding.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/index/gather.h"

namespace nacre::nn {

Embedding::Embedding(First inputs, std::int64_t units, EmbeddingOptions options)
    : Embedding(sized("Embedding",
                      sized("Embedding", std::move(options), &EmbeddingOptions::inputs, inputs),
                      &EmbeddingOptions::units, First(units, inputs.at)),
                inputs.at) {}

Embedding::Embedding(EmbeddingOptions options, Location at)
    : LayerBase("Embedding"), options_(std::move(options)) {
  const std::int64_t padding = options_.padding_index.value_or(0);
  if (options_.inputs < 1 || options_.units < 1 || padding < 0 || padding >= options_.inputs) {
    throw ValueError(format_error(
        {.op = "Embedding",
         .what = fmt::format("inputs = {}, units = {}, padding_index = {}; both sizes must "
                             "be at least 1 and the index below inputs",
                             options_.inputs, options_.units, padding),
         .location = at}));
  }
  const Shape shape{options_.inputs, options_.units};
  Tensor values =
      initial(options_.weight_initializer, init::uniform(), shape, f32, fans_of(shape)).clone();
  if (options_.padding_index) {
    const auto row =
        values.mutable_data<float>().subspan(static_cast<std::size_t>(padding * options_.units),
                                             static_cast<std::size_t>(options_.units));
    std::fill(row.begin(), row.end(), 0.0f);
  }
  weight.define(std::move(values), "weight");
}

Tensor Embedding::operator()(const Operand& indices) {
  const LayerCall call(*this);
  const Shape expected{options_.inputs, options_.units};
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
