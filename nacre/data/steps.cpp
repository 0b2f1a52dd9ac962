// The steps of Dataset that change samples: map, transform, cache, one_hot.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "nacre/base/error.h"
#include "nacre/data/sources.h"
#include "nacre/data/transform.h"

namespace nacre::data {
namespace {

using Numbers = std::span<const std::int64_t>;

class MappedSource final : public DerivedSource {
 public:
  MappedSource(SourcePointer parent, std::function<Sample(Sample, RandomStream&)> f)
      : DerivedSource(std::move(parent)), f_(std::move(f)) {}
  Sample get(std::int64_t i, const Draw& draw) const override {
    RandomStream random = stream_for(draw, depth(), i);
    return f_(parent_->get(i, draw), random);
  }

 private:
  std::function<Sample(Sample, RandomStream&)> f_;
};

class TransformedSource final : public DerivedSource {
 public:
  TransformedSource(SourcePointer parent, std::shared_ptr<const Transform> step, int input)
      : DerivedSource(std::move(parent)),
        step_(std::move(step)),
        input_(static_cast<std::size_t>(input)) {}

  Sample get(std::int64_t i, const Draw& draw) const override {
    Sample sample = parent_->get(i, draw);
    Tensor& t = at(sample.inputs);
    t = t.on_host();
    Tensor out(step_->output(t.spec()));
    RandomStream random = stream_for(draw, depth(), i);
    step_->apply(t.raw_data(), t.spec(), out.raw_mutable_data(), random);
    t = out;
    return sample;
  }
  Batch batch_of(Numbers numbers, const Draw& draw) const override {
    Batch batch = parent_->batch_of(numbers, draw);
    if (numbers.empty()) return batch;
    Tensor& t = at(batch.inputs);
    t = t.on_host();
    const Spec from{t.dtype(), Shape(std::span(t.shape().begin() + 1, t.shape().end()))};
    const Spec to = step_->output(from);
    std::vector<std::int64_t> dims{t.size(0)};
    dims.insert(dims.end(), to.shape.begin(), to.shape.end());
    Tensor out({to.dtype, Shape(dims)});
    const auto* in_row = static_cast<const std::byte*>(t.raw_data());
    auto* out_row = static_cast<std::byte*>(out.raw_mutable_data());
    for (const std::int64_t number : numbers) {
      RandomStream random = stream_for(draw, depth(), number);
      step_->apply(in_row, from, out_row, random);
      in_row += from.bytes();
      out_row += to.bytes();
    }
    t = out;
    return batch;
  }
  std::vector<std::int64_t> labels() const override { return parent_->labels(); }

 private:
  Tensor& at(Tensors& inputs) const {
    if (input_ >= inputs.size()) {
      throw ValueError(fmt::format("Dataset::transform: input {} of a sample with {} inputs",
                                   input_, inputs.size()));
    }
    return inputs[input_];
  }
  std::shared_ptr<const Transform> step_;
  std::size_t input_;
};

class CachedSource final : public DerivedSource {
 public:
  CachedSource(SourcePointer parent, std::size_t limit)
      : DerivedSource(std::move(parent)), limit_(limit), kept_(static_cast<std::size_t>(size())) {}

  Sample get(std::int64_t i, const Draw& draw) const override {
    const auto k = static_cast<std::size_t>(i);
    const std::lock_guard lock(mutexes_[k % kMutexes]);
    if (!kept_[k]) {
      // Always epoch 0: what is kept must not depend on who came first.
      auto sample = std::make_unique<Sample>(parent_->get(i, {draw.seed, 0}));
      std::size_t bytes = 0;
      for (const Tensors* list : {&sample->inputs, &sample->targets}) {
        for (const Tensor& t : *list) bytes += t.spec().bytes();
      }
      if (bytes_.fetch_add(bytes) + bytes > limit_) {
        throw ValueError(format_error(
            {.op = "Dataset::cache",
             .what = fmt::format("the samples need more than the limit of {} bytes", limit_),
             .hint = "raise the limit, or leave the cache out"}));
      }
      kept_[k] = std::move(sample);
    }
    return *kept_[k];
  }
  std::vector<std::int64_t> labels() const override { return parent_->labels(); }

 private:
  static constexpr std::size_t kMutexes = 61;
  std::size_t limit_;
  mutable std::vector<std::unique_ptr<const Sample>> kept_;
  mutable std::mutex mutexes_[kMutexes];
  mutable std::atomic<std::size_t> bytes_{0};
};

// Class indices of any integer type and shape to f32 with a last axis of `classes`.
Tensor one_hot_rows(const Tensor& indices, std::int64_t classes) {
  if (!is_integral(indices.dtype())) {
    throw DTypeError("Dataset::one_hot: class indices expected, the targets are " +
                     to_string(indices.spec()));
  }
  Shape shape = indices.shape();
  shape.push_back(classes);
  Tensor out = zeros(shape);
  float* row = out.mutable_data<float>().data();
  for (const std::int64_t c : indices.to_vector<std::int64_t>()) {
    if (c < 0 || c >= classes) {
      throw ValueError(fmt::format("Dataset::one_hot: class {} of {} classes", c, classes));
    }
    row[c] = 1;
    row += classes;
  }
  return out;
}

class OneHotSource final : public DerivedSource {
 public:
  OneHotSource(SourcePointer parent, std::int64_t classes)
      : DerivedSource(std::move(parent)), classes_(classes) {}
  Sample get(std::int64_t i, const Draw& draw) const override {
    Sample sample = parent_->get(i, draw);
    for (Tensor& t : sample.targets) t = one_hot_rows(t, classes_);
    return sample;
  }
  Batch batch_of(Numbers numbers, const Draw& draw) const override {
    Batch batch = parent_->batch_of(numbers, draw);
    for (Tensor& t : batch.targets) t = one_hot_rows(t, classes_);
    return batch;
  }
  std::vector<std::int64_t> labels() const override { return parent_->labels(); }

 private:
  std::int64_t classes_;
};

}  // namespace

SourcePointer mapped_source(SourcePointer parent, std::function<Sample(Sample, RandomStream&)> f) {
  return std::make_shared<MappedSource>(std::move(parent), std::move(f));
}
SourcePointer transformed_source(SourcePointer parent, std::shared_ptr<const Transform> step,
                                 int input) {
  if (input < 0) throw ValueError(fmt::format("Dataset::transform: input {}", input));
  return std::make_shared<TransformedSource>(std::move(parent), std::move(step), input);
}
SourcePointer cached_source(SourcePointer parent, std::size_t limit_bytes) {
  return std::make_shared<CachedSource>(std::move(parent), limit_bytes);
}
SourcePointer one_hot_source(SourcePointer parent, std::int64_t classes) {
  return std::make_shared<OneHotSource>(std::move(parent), classes);
}

}  // namespace nacre::data
