#include "nacre/train/tensor_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "nacre/base/random.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

std::int64_t row_count(const Tensor& t) { return t.rank() > 0 ? t.size(0) : 1; }

Shape with_rows(const Tensor& x, std::int64_t count) {
  Shape shape = x.shape();
  shape.set(0, count);
  return shape;
}

[[noreturn]] void fail(std::string_view what) {
  throw ValueError(format_error({.op = "training data", .what = what}));
}

}  // namespace

Tensor sample_weights_for(const Tensors& targets, const Tensor& weights) {
  if (!weights.defined()) return weights;
  std::vector<std::int64_t> shape = weights.shape().to_vector();
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  for (const Tensor& target : targets) {
    if (!target.defined()) continue;
    const std::vector<std::int64_t> own = target.shape().to_vector();
    if (!shape.empty() && shape.size() <= own.size() &&
        std::equal(shape.begin(), shape.end(), own.begin())) {
      continue;
    }
    throw ShapeError(format_error(
        {.op = "sample_weights",
         .what = fmt::format("they are {}, the targets {}; one weight a sample is expected, or one "
                             "for each position of the targets",
                             to_string(weights.spec()), to_string(target.spec())),
         .hint = fmt::format("give a tensor [{}]", row_count(target))}));
  }
  return reshape(weights, Shape(shape)).to(f32);
}

void expect_verbose(const char* who, int verbose) {
  if (verbose >= 0 && verbose <= 2) return;
  throw ValueError(
      format_error({.op = who, .what = fmt::format("verbose is {}; 0, 1 or 2 expected", verbose)}));
}

Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last) {
  Tensor out(Spec{x.dtype(), with_rows(x, last - first)});
  const Tensor here = x.on_host();
  const std::size_t row =
      x.spec().bytes() / static_cast<std::size_t>(std::max<std::int64_t>(1, x.size(0)));
  if (out.spec().bytes() > 0) {
    std::memcpy(out.raw_mutable_data(),
                static_cast<const char*>(here.raw_data()) + static_cast<std::size_t>(first) * row,
                out.spec().bytes());
  }
  return out;
}

Tensor rows(const Tensor& x, std::span<const std::int64_t> indices) {
  Tensor out(Spec{x.dtype(), with_rows(x, static_cast<std::int64_t>(indices.size()))});
  const std::size_t row =
      x.spec().bytes() / static_cast<std::size_t>(std::max<std::int64_t>(1, x.size(0)));
  if (row == 0) return out;
  const Tensor here = x.on_host();
  const char* from = static_cast<const char*>(here.raw_data());
  char* to = static_cast<char*>(out.raw_mutable_data());
  for (const std::int64_t i : indices) {
    std::memcpy(to, from + static_cast<std::size_t>(i) * row, row);
    to += row;
  }
  return out;
}

TensorSource::TensorSource(const Tensors& inputs, const Tensors& targets, const Tensor& weights,
                           const TensorSourceOptions& options)
    : inputs_(on_host(inputs)),
      targets_(on_host(targets)),
      weights_(weights.defined() ? weights.on_host() : weights),
      options_(options) {
  if (options.batch_size < 1) {
    fail(fmt::format("batch_size {} is below 1", options.batch_size));
  }
  if (inputs_.empty()) fail("there is no input tensor");
  for (const auto* list : {&inputs_, &targets_}) {
    for (const Tensor& t : *list) {
      if (!t.defined()) {
        fail(list == &inputs_ ? "an input tensor is undefined" : "a target tensor is undefined");
      }
    }
  }
  samples_ = row_count(inputs_[0]);
  const auto check = [&](const Tensor& t, const char* what) {
    if (t.rank() == 0 || t.size(0) != samples_) {
      throw ShapeError(format_error(
          {.op = "training data",
           .what = fmt::format("the first input is {}, {} {}; the first axes must be equal: the "
                               "samples",
                               to_string(inputs_[0].spec()), what, to_string(t.spec()))}));
    }
  };
  for (const Tensor& t : inputs_) check(t, "an input");
  for (const Tensor& t : targets_) check(t, "the targets are");
  if (weights_.defined()) check(weights_, "the sample weights are");
  reset(0);
}

void TensorSource::reset(std::int64_t epoch, std::int64_t first_batch) {
  if (epoch < 0 || first_batch < 0 || first_batch > batches()) {
    fail(fmt::format("epoch {}, batch {} of {}", epoch, first_batch, batches()));
  }
  epoch_ = epoch;
  batch_ = first_batch;
  if (!options_.shuffle) return;
  order_.resize(static_cast<std::size_t>(samples_));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  RandomStream random(options_.seed, static_cast<std::uint64_t>(epoch) + 1);
  for (std::size_t i = order_.size(); i > 1; --i) {
    std::swap(order_[i - 1], order_[static_cast<std::size_t>(random.below(i))]);
  }
}

bool TensorSource::next(data::Batch& batch) {
  const std::int64_t first = batch_ * options_.batch_size;
  if (first >= samples_) return false;
  const std::int64_t last = std::min(samples_, first + options_.batch_size);
  const auto take = [&](const Tensor& t) {
    if (first == 0 && last == samples_ && order_.empty()) return t;
    if (order_.empty()) return rows(t, first, last);
    return rows(t, std::span(order_).subspan(static_cast<std::size_t>(first),
                                             static_cast<std::size_t>(last - first)));
  };
  batch = {};
  for (const Tensor& t : inputs_) batch.inputs.push_back(take(t));
  for (const Tensor& t : targets_) batch.targets.push_back(take(t));
  if (weights_.defined()) batch.weights = take(weights_);
  ++batch_;
  return true;
}

data::Position TensorSource::position() const { return {epoch_, batch_, options_.seed}; }

void TensorSource::restore(const data::Position& position) {
  if (position.seed != options_.seed) {
    fail(fmt::format("the position was saved with seed {}, now it is {}", position.seed,
                     options_.seed));
  }
  reset(position.epoch, position.batch);
}

}  // namespace nacre
