#include "nacre/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "nacre/base/callable.h"
#include "nacre/base/error.h"
#include "nacre/data/image/augment.h"
#include "nacre/data/loader.h"
#include "nacre/data/sources.h"
#include "nacre/data/transform.h"

namespace nacre::data {
namespace {

// Copies tensor `from` of a sample into row `row` of `batch[k]`, which row 0 makes.
void stack(Tensors& batch, const Tensors& sample, std::size_t rows, std::size_t row,
           std::int64_t number, const char* what) {
  if (row == 0) {
    for (const Tensor& t : sample) {
      std::vector<std::int64_t> dims{static_cast<std::int64_t>(rows)};
      dims.insert(dims.end(), t.shape().begin(), t.shape().end());
      batch.emplace_back(Spec{t.dtype(), Shape(dims)});
    }
  }
  if (batch.size() != sample.size()) {
    throw ShapeError(fmt::format("data: sample {} has {} {} tensors, the first of its batch has {}",
                                 number, sample.size(), what, batch.size()));
  }
  for (std::size_t k = 0; k < batch.size(); ++k) {
    const Spec& have = sample[k].spec();
    const Shape& whole = batch[k].shape();
    const Spec want{batch[k].dtype(), Shape(std::span(whole.begin() + 1, whole.end()))};
    if (have != want) {
      throw ShapeError(format_error(
          {.op = "data",
           .what = fmt::format("{} {} of sample {} is {}, that of the first in its batch is {}",
                               what, k, number, to_string(have), to_string(want)),
           .hint = "give all samples one shape first (resize, crop or pad in a map step)"}));
    }
    if (have.bytes() > 0) {
      const Tensor here = sample[k].on_host();
      std::memcpy(static_cast<std::byte*>(batch[k].raw_mutable_data()) + row * have.bytes(),
                  here.raw_data(), have.bytes());
    }
  }
}

std::vector<Spec> specs_of(const Tensors& tensors) {
  std::vector<Spec> out;
  for (const Tensor& t : tensors) out.push_back(t.spec());
  return out;
}

const SampleSource& checked(const std::shared_ptr<const SampleSource>& source) {
  if (!source) throw ValueError("data: the data set is empty");
  return *source;
}

}  // namespace

Batch SampleSource::batch_of(std::span<const std::int64_t> numbers, const Draw& draw) const {
  Batch batch;
  if (weighted()) batch.weights = Tensor({f32, {static_cast<std::int64_t>(numbers.size())}});
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    const Sample sample = get(numbers[row], draw);
    stack(batch.inputs, sample.inputs, numbers.size(), row, numbers[row], "input");
    stack(batch.targets, sample.targets, numbers.size(), row, numbers[row], "target");
    if (batch.weights.defined()) batch.weights.mutable_data<float>()[row] = sample.weight;
  }
  return batch;
}

RandomStream stream_for(const Draw& draw, std::uint64_t step, std::int64_t sample) {
  // Philox itself mixes seed and step into a key of their own.
  const auto words = philox(draw.seed, step, 0x6e61637265ull);
  return RandomStream(
      (std::uint64_t{words[0]} << 32) | words[1],
      (static_cast<std::uint64_t>(draw.epoch) << 40) ^ static_cast<std::uint64_t>(sample));
}

const Tensor& Batch::only(const Tensors& tensors, const char* what) {
  if (tensors.size() == 1) return tensors[0];
  throw ValueError(
      fmt::format("data: there are {} {}; x() and y() are for one of each", tensors.size(), what));
}

Dataset Dataset::from(const Arrays& inputs, const Arrays& targets, Info info, Tensor weights) {
  return Dataset(
      tensor_source(inputs.tensors(), targets.tensors(), std::move(weights), std::move(info)));
}

Dataset Dataset::generate(std::int64_t n, std::function<Sample(std::int64_t)> make, Info info) {
  if (n < 0) throw ValueError(fmt::format("Dataset::generate: {} samples", n));
  require_callable(make, "Dataset::generate");
  return Dataset(generated_source(n, std::move(make), std::move(info)));
}

Sample Dataset::get(std::int64_t i, const Draw& draw) const {
  if (i < 0 || i >= size()) {
    throw ValueError(fmt::format("data: sample {} of a set of {}", i, size()));
  }
  return source_->get(i, draw);
}

const Info& Dataset::info() const {
  static const Info none;
  return source_ ? source_->info() : none;
}

std::vector<Spec> Dataset::input_specs() const {
  return empty() ? std::vector<Spec>{} : specs_of(get(0).inputs);
}
std::vector<Spec> Dataset::target_specs() const {
  return empty() ? std::vector<Spec>{} : specs_of(get(0).targets);
}

std::vector<std::int64_t> Dataset::labels() const {
  if (empty()) return {};
  if (auto known = source_->labels(); !known.empty()) return known;
  std::vector<std::int64_t> out;
  std::vector<std::int64_t> numbers;
  for (std::int64_t begin = 0; begin < size(); begin += 256) {
    numbers.resize(static_cast<std::size_t>(std::min<std::int64_t>(256, size() - begin)));
    std::iota(numbers.begin(), numbers.end(), begin);
    const Batch batch = source_->batch_of(numbers, {});
    if (batch.targets.size() != 1 || batch.targets[0].rank() != 1 ||
        !is_integral(batch.targets[0].dtype())) {
      throw ValueError(format_error(
          {.op = "data",
           .what = "class indices are needed as targets, one integer a sample",
           .inputs = batch.targets.empty() ? "there are no targets"
                                           : "targets " + to_string(batch.targets[0].spec())}));
    }
    const auto part = batch.targets[0].to_vector<std::int64_t>();
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

Batch Dataset::all(const Draw& draw) const {
  if (empty()) return {};
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(size()));
  std::iota(numbers.begin(), numbers.end(), 0);
  return source_->batch_of(numbers, draw);
}

Dataset Dataset::take(std::int64_t count) const {
  count = std::clamp<std::int64_t>(count, 0, size());
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return select(std::move(numbers));
}

Dataset Dataset::skip(std::int64_t count) const {
  count = std::clamp<std::int64_t>(count, 0, size());
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(size() - count));
  std::iota(numbers.begin(), numbers.end(), count);
  return select(std::move(numbers));
}

Dataset Dataset::select(std::vector<std::int64_t> numbers) const {
  for (const std::int64_t i : numbers) {
    if (i < 0 || i >= size()) {
      throw ValueError(fmt::format("Dataset::select: sample {} of a set of {}", i, size()));
    }
  }
  if (!source_) return {};
  return Dataset(selected_source(source_, std::move(numbers)));
}

Dataset Dataset::concat(const Dataset& other) const {
  if (!source_) return other;
  if (!other.source_) return *this;
  return Dataset(joined_source(source_, other.source_));
}

Dataset Dataset::repeat(std::int64_t times) const {
  if (times < 0) throw ValueError(fmt::format("Dataset::repeat: {} times", times));
  return source_ ? Dataset(repeated_source(source_, times)) : Dataset();
}

Dataset Dataset::shuffle() const { return source_ ? Dataset(shuffled_source(source_)) : Dataset(); }

Dataset Dataset::map(std::function<Sample(Sample, RandomStream&)> f) const {
  require_callable(f, "Dataset::map");
  return source_ ? Dataset(mapped_source(source_, std::move(f))) : Dataset();
}

Dataset Dataset::transform(std::shared_ptr<const Transform> step, int input) const {
  if (!step) throw ValueError("Dataset::transform: the step is null");
  return source_ ? Dataset(transformed_source(source_, std::move(step), input)) : Dataset();
}

Dataset Dataset::cache(std::size_t limit_bytes) const {
  return source_ ? Dataset(cached_source(source_, limit_bytes)) : Dataset();
}

Dataset Dataset::scale(double factor, double offset) const {
  return transform(scale_step(factor, offset));
}

Dataset Dataset::normalize(std::vector<double> mean, std::vector<double> deviation) const {
  return transform(normalize_step(std::move(mean), std::move(deviation)));
}

Dataset Dataset::one_hot(std::int64_t classes) const {
  if (classes < 1) throw ValueError(fmt::format("Dataset::one_hot: {} classes", classes));
  return source_ ? Dataset(one_hot_source(source_, classes)) : Dataset();
}

Dataset Dataset::augment(const ImageAugmentation& augmentation) const {
  return transform(augment_step(augmentation));
}

Dataset Dataset::with_info(Info info) const {
  return Dataset(renamed_source(source_, std::move(info)));
}

Loader Dataset::batch(const LoaderOptions& options) const { return Loader(*this, options); }

Moments measure(const Dataset& set, std::int64_t most) {
  const std::int64_t n = std::min(set.size(), most);
  if (n == 0) throw ValueError("measure: the data set is empty");
  const std::vector<Spec> specs = set.input_specs();
  if (specs.empty()) throw ValueError("measure: the samples have no input");
  const Shape& shape = specs[0].shape;
  const std::int64_t channels = shape.rank() == 0 ? 1 : shape[0];
  const std::int64_t inner = channels == 0 ? 0 : shape.elements() / channels;
  // Welford's recurrence over chunks keeps the variance exact when the mean is large.
  std::vector<double> mean(static_cast<std::size_t>(channels), 0);
  std::vector<double> sum_squares(mean.size(), 0);
  double seen = 0;
  const SampleSource& source = checked(set.source());
  for (std::int64_t begin = 0; begin < n; begin += 128) {
    std::vector<std::int64_t> numbers(
        static_cast<std::size_t>(std::min<std::int64_t>(128, n - begin)));
    std::iota(numbers.begin(), numbers.end(), begin);
    const std::vector<double> values = source.batch_of(numbers, {}).inputs[0].to_vector<double>();
    const double count = static_cast<double>(numbers.size()) * static_cast<double>(inner);
    if (count == 0) break;
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      const auto each = [&](auto&& f) {
        for (std::size_t row = 0; row < numbers.size(); ++row) {
          const double* p = values.data() + (static_cast<std::int64_t>(row) * channels + c) * inner;
          for (std::int64_t i = 0; i < inner; ++i) f(p[i]);
        }
      };
      each([&](double v) { sum += v; });
      if (!std::isfinite(sum)) {
        std::int64_t at = 0;
        std::int64_t bad = -1;
        each([&](double v) {
          if (bad < 0 && !std::isfinite(v)) bad = at;
          ++at;
        });
        throw ValueError(format_error(
            {.op = "measure",
             .what = bad < 0 ? fmt::format("the values of channel {} are too large", c)
                             : fmt::format("sample {}, channel or column {}: a value is not finite",
                                           begin + bad / inner, c),
             .hint = "correct it, or leave that sample out (select)"}));
      }
      const double part = sum / count;
      double squares = 0;
      each([&](double v) { squares += (v - part) * (v - part); });
      const auto k = static_cast<std::size_t>(c);
      const double delta = part - mean[k];
      mean[k] += delta * count / (seen + count);
      sum_squares[k] += squares + delta * delta * seen * count / (seen + count);
    }
    seen += count;
  }
  Moments out{mean, {}};
  for (const double squares : sum_squares) {
    const double deviation = seen > 0 ? std::sqrt(squares / seen) : 0;
    out.deviation.push_back(deviation > 0 ? deviation : 1);
  }
  return out;
}

}  // namespace nacre::data
