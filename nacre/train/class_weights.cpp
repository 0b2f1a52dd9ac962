#include "nacre/train/class_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nacre {
namespace {

template <class E>
[[noreturn]] void fail(const std::string& what, std::string_view hint = {}) {
  throw E(format_error({.op = "class_weights", .what = what, .hint = hint}));
}

Shape without_last_axis(const Shape& shape) {
  return Shape(std::span(shape.begin(), shape.end() - 1));
}

}  // namespace

ClassWeights::ClassWeights(std::map<std::int64_t, double> weights, std::string loss)
    : weights_(std::move(weights)), loss_(std::move(loss)) {
  for (const auto& [label, weight] : weights_) {
    if (label >= 0 && weight >= 0 && std::isfinite(weight)) continue;
    fail<ValueError>(
        fmt::format("class {} has weight {}; classes are 0, 1, ..., weights finite and at least 0",
                    label, weight));
  }
}

bool ClassWeights::are_rows(const Tensor& target) const {
  const bool one = target.rank() < 2 || target.size(-1) == 1;
  if (loss_.starts_with("sparse") || loss_ == "nll" || one) return false;
  if (loss_.starts_with("categorical")) return true;
  if (loss_.starts_with("binary")) {
    fail<ShapeError>(
        "several labels a sample, " + to_string(target.spec()) + ", have no weight of one class",
        "give sample_weights");
  }
  return is_floating(target.dtype());
}

Tensor ClassWeights::of(const data::Batch& batch) {
  if (batch.targets.size() != 1) {
    fail<ValueError>("the network has several outputs", "give sample_weights");
  }
  const Tensor& target = batch.targets[0];
  const std::vector<double> values = target.to_vector<double>();
  const bool rows = are_rows(target);
  Shape shape = target.shape();
  if (rows || (shape.rank() > 1 && shape[shape.rank() - 1] == 1)) shape = without_last_axis(shape);
  const std::size_t width = rows ? static_cast<std::size_t>(target.size(-1)) : 1;
  std::vector<float> out;
  for (std::size_t i = 0; i < values.size(); i += width) {
    const auto row = values.begin() + static_cast<std::ptrdiff_t>(i);
    const auto place =
        rows ? std::max_element(row, row + static_cast<std::ptrdiff_t>(width)) - row : 0;
    const double number = rows ? static_cast<double>(place) : values[i];
    if (!std::isfinite(number) || number != std::floor(number) ||
        (rows && std::isnan(row[place]))) {
      const std::size_t each = values.size() / static_cast<std::size_t>(target.size(0));
      fail<ValueError>(fmt::format(
          "the target in row {} of a batch is {}, which is no class number", i / each, values[i]));
    }
    const auto label = static_cast<std::int64_t>(number);
    seen_.insert(label);
    const auto found = weights_.find(label);
    out.push_back(found == weights_.end() ? 1.0f : static_cast<float>(found->second));
  }
  if (batch.weights.defined()) {
    // One a sample, or one a position; a weight goes for all positions behind it.
    const std::vector<float> given = batch.weights.to_vector<float>();
    if (given.empty() || out.size() % given.size() != 0) {
      fail<ShapeError>("the weights of samples are " + to_string(batch.weights.spec()) +
                       ", the classes " + to_string(shape));
    }
    const std::size_t each = out.size() / given.size();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] *= given[i / each];
  }
  return Tensor::from(out, shape);
}

void ClassWeights::expect_all_seen() const {
  for (const auto& [label, weight] : weights_) {
    if (seen_.count(label) > 0) continue;
    std::string there;
    for (const std::int64_t s : seen_) {
      there += fmt::format("{}{}", there.empty() ? "" : ", ", s);
      if (there.size() > 60) {
        there += ", ...";
        break;
      }
    }
    fail<ValueError>(fmt::format("class {} has weight {}, but no sample is of it; there are {}",
                                 label, weight, there.empty() ? "none" : there));
  }
}

}  // namespace nacre
