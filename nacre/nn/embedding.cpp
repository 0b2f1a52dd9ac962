#include "nacre/nn/embedding.h"

#include <fmt/format.h>

#include <algorithm>

#include "nacre/ops/gather.h"

namespace nacre::nn {

Embedding::Embedding(EmbeddingLayerOptions options, Location at)
    : LayerBase("Embedding"), options_(std::move(options)) {
  const std::int64_t padding = options_.padding_index.value_or(0);
  if (options_.rows < 1 || options_.features < 1 || padding < 0 || padding >= options_.rows) {
    throw ValueError(format_error(
        {.op = "Embedding",
         .what = fmt::format("rows = {}, features = {}, padding_index = {}; rows and features must "
                             "be at least 1 and the index one of the rows",
                             options_.rows, options_.features, padding),
         .location = at}));
  }
  const Shape shape{options_.rows, options_.features};
  Tensor values =
      initial(options_.initializer, init::uniform(), shape, f32, fans_of(shape)).clone();
  if (options_.padding_index) {
    const auto row =
        values.mutable_data<float>().subspan(static_cast<std::size_t>(padding * options_.features),
                                             static_cast<std::size_t>(options_.features));
    std::fill(row.begin(), row.end(), 0.0f);
  }
  weight = Variable(std::move(values), "weight");
}

Tensor Embedding::operator()(const Operand& indices) {
  const LayerCall call(*this);
  return call.done(embedding(Operand(weight.value(), indices.at()), indices,
                             {.padding_index = options_.padding_index}));
}

}  // namespace nacre::nn
