#include "nacre/nn/position.h"

#include <fmt/format.h>

#include <cmath>

#include "nacre/nn/decoding.h"
#include "nacre/ops/api.h"

namespace nacre::nn {
namespace {

// [length, units]: sines in the even columns, cosines of the same angle in the odd ones.
Tensor waves(std::int64_t length, std::int64_t units) {
  std::vector<float> values(static_cast<std::size_t>(length * units));
  auto to = values.begin();
  for (std::int64_t place = 0; place < length; ++place) {
    for (std::int64_t i = 0; i < units; ++i) {
      const double angle =
          static_cast<double>(place) *
          std::pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(units));
      *to++ = static_cast<float>(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
  return Tensor::from(values, {length, units});
}

}  // namespace

PositionEmbedding::PositionEmbedding(PositionEmbeddingOptions options, Location at)
    : LayerBase("PositionEmbedding"), options_(std::move(options)) {
  if (options_.length < 1 || options_.units < 0) {
    throw ValueError(
        format_error({.op = kind(),
                      .what = fmt::format("length {} must be at least 1", options_.length),
                      .location = at,
                      .hint = "write nn::PositionEmbedding({.length = 256})"}));
  }
}

PositionEmbedding::PositionEmbedding(First length, PositionEmbeddingOptions options)
    : PositionEmbedding(
          sized("PositionEmbedding", std::move(options), &PositionEmbeddingOptions::length, length),
          length.at) {}

void PositionEmbedding::visit(ModuleVisitor& visitor) {
  if (!options_.sinusoidal) visitor.variable("weight", weight);
}

Tensor PositionEmbedding::operator()(const Operand& given) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  const Tensor input = x.tensor();
  const std::int64_t units = options_.units > 0  ? options_.units
                             : weight.defined()  ? weight.shape()[1]
                             : input.rank() == 3 ? input.size(2)
                                                 : 0;
  if (input.rank() != 3 || input.size(2) != units) {
    call.fail_shape(x, units > 0 ? fmt::format("it takes [batch, steps, {}]", units)
                                 : "it takes [batch, steps, features]");
  }
  const std::int64_t steps = input.size(1);
  if (steps > options_.length) {
    call.fail_shape(x, fmt::format("{} steps, at most {} have a place", steps, options_.length),
                    "give a larger .length, or shorter sequences");
  }
  if (!options_.sinusoidal && !weight.defined()) {
    const Shape shape{options_.length, units};
    define_variable(weight,
                    initial(options_.weight_initializer, init::normal(0.0, 0.02), shape,
                            input.dtype(), fans_of(shape)),
                    "weight");
  }
  const Tensor table =
      options_.sinusoidal ? waves(options_.length, units).to(input.dtype()) : weight.value();
  const Tensor rows = Decoding::current() ? gather(table, Decoding::current()->positions(steps), 0)
                                          : slice_axis(table, 0, slice(0, steps));
  return call.done(add(x, rows));
}

}  // namespace nacre::nn
