#include "nacre/data/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <numeric>

#include "nacre/base/error.h"

namespace nacre::data {
namespace {

using Numbers = std::span<const std::int64_t>;

// Row `i` of a tensor as a tensor over the same memory.
Tensor row_of(const Tensor& t, std::int64_t i) {
  const Spec spec{t.dtype(), Shape(std::span(t.shape().begin() + 1, t.shape().end()))};
  auto* data = static_cast<std::byte*>(const_cast<void*>(t.raw_data()));
  data += static_cast<std::size_t>(i) * spec.bytes();
  return Tensor(spec, Buffer::borrow(data, spec.bytes(), [keep = t.buffer()] {}));
}

Tensor rows_of(const Tensor& t, Numbers numbers) {
  Shape shape = t.shape();
  shape.set(0, static_cast<std::int64_t>(numbers.size()));
  Tensor out({t.dtype(), shape});
  const std::size_t bytes = numbers.empty() ? 0 : out.spec().bytes() / numbers.size();
  if (bytes == 0) return out;
  const auto* from = static_cast<const std::byte*>(t.raw_data());
  auto* to = static_cast<std::byte*>(out.raw_mutable_data());
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    std::memcpy(to + row * bytes, from + static_cast<std::size_t>(numbers[row]) * bytes, bytes);
  }
  return out;
}

class TensorSource final : public SampleSource {
 public:
  TensorSource(const Tensors& inputs, const Tensors& targets, const Tensor& weights, Info info)
      : inputs_(on_host(inputs)),
        targets_(on_host(targets)),
        weights_(weights.defined() ? weights.on_host() : weights),
        info_(std::move(info)) {
    const Tensor* first = !inputs_.empty()    ? &inputs_[0]
                          : !targets_.empty() ? &targets_[0]
                                              : nullptr;
    if (first && first->rank() > 0) size_ = first->size(0);
    for (const Tensors* list : {&inputs_, &targets_}) {
      for (const Tensor& t : *list) check(t);
    }
    if (weights_.defined()) {
      check(weights_);
      if (weights_.dtype() != f32 || weights_.rank() != 1) {
        throw ShapeError(fmt::format("Dataset::from: weights f32[{}] expected, {} came", size_,
                                     to_string(weights_.spec())));
      }
    }
  }
  std::int64_t size() const override { return size_; }
  const Info& info() const override { return info_; }
  bool weighted() const override { return weights_.defined(); }

  Sample get(std::int64_t i, const Draw&) const override {
    Sample sample;
    for (const Tensor& t : inputs_) sample.inputs.push_back(row_of(t, i));
    for (const Tensor& t : targets_) sample.targets.push_back(row_of(t, i));
    if (weights_.defined()) sample.weight = weights_.data<float>()[static_cast<std::size_t>(i)];
    return sample;
  }
  Batch batch_of(Numbers numbers, const Draw&) const override {
    Batch batch;
    for (const Tensor& t : inputs_) batch.inputs.push_back(rows_of(t, numbers));
    for (const Tensor& t : targets_) batch.targets.push_back(rows_of(t, numbers));
    if (weights_.defined()) batch.weights = rows_of(weights_, numbers);
    return batch;
  }
  std::vector<std::int64_t> labels() const override {
    if (targets_.size() != 1 || targets_[0].rank() != 1 || !is_integral(targets_[0].dtype())) {
      return {};
    }
    return targets_[0].to_vector<std::int64_t>();
  }

 private:
  void check(const Tensor& t) const {
    if (t.rank() == 0 || t.size(0) != size_) {
      throw ShapeError(
          fmt::format("Dataset::from: tensors with {} rows (the samples) expected, {} came", size_,
                      to_string(t.spec())));
    }
  }
  Tensors inputs_;
  Tensors targets_;
  Tensor weights_;
  Info info_;
  std::int64_t size_ = 0;
};

class GeneratedSource final : public SampleSource {
 public:
  GeneratedSource(std::int64_t n, std::function<Sample(std::int64_t)> make, Info info)
      : size_(n), make_(std::move(make)), info_(std::move(info)) {}
  std::int64_t size() const override { return size_; }
  const Info& info() const override { return info_; }
  Sample get(std::int64_t i, const Draw&) const override { return make_(i); }

 private:
  std::int64_t size_;
  std::function<Sample(std::int64_t)> make_;
  Info info_;
};

std::vector<std::int64_t> pick(const std::vector<std::int64_t>& from, Numbers numbers) {
  std::vector<std::int64_t> out;
  out.reserve(numbers.size());
  for (const std::int64_t i : numbers) out.push_back(from[static_cast<std::size_t>(i)]);
  return out;
}

class SelectedSource final : public DerivedSource {
 public:
  SelectedSource(SourcePointer parent, std::vector<std::int64_t> numbers)
      : DerivedSource(std::move(parent)), numbers_(std::move(numbers)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(numbers_.size()); }
  Sample get(std::int64_t i, const Draw& draw) const override {
    return parent_->get(numbers_[static_cast<std::size_t>(i)], draw);
  }
  Batch batch_of(Numbers numbers, const Draw& draw) const override {
    return parent_->batch_of(pick(numbers_, numbers), draw);
  }
  std::vector<std::int64_t> labels() const override {
    const auto known = parent_->labels();
    return known.empty() ? known : pick(known, numbers_);
  }

 private:
  std::vector<std::int64_t> numbers_;
};

class JoinedSource final : public DerivedSource {
 public:
  JoinedSource(SourcePointer first, SourcePointer second)
      : DerivedSource(std::move(first)), second_(std::move(second)), cut_(parent_->size()) {}
  std::int64_t size() const override { return cut_ + second_->size(); }
  bool weighted() const override { return parent_->weighted() || second_->weighted(); }
  std::uint64_t depth() const override { return std::max(parent_->depth(), second_->depth()) + 1; }
  Sample get(std::int64_t i, const Draw& draw) const override {
    if (i < cut_) return parent_->get(i, draw);
    // Another seed: sample i of both parts must not share its random numbers.
    return second_->get(i - cut_, {draw.seed ^ 0x9e3779b97f4a7c15ull, draw.epoch});
  }
  std::vector<std::int64_t> labels() const override {
    auto all = parent_->labels();
    const auto more = second_->labels();
    if (static_cast<std::int64_t>(all.size() + more.size()) != size()) return {};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

 private:
  SourcePointer second_;
  std::int64_t cut_;
};

class RepeatedSource final : public DerivedSource {
 public:
  RepeatedSource(SourcePointer parent, std::int64_t times)
      : DerivedSource(std::move(parent)), times_(times), part_(parent_->size()) {}
  std::int64_t size() const override { return part_ * times_; }
  Sample get(std::int64_t i, const Draw& draw) const override {
    return parent_->get(i % part_, {draw.seed, draw.epoch * times_ + i / part_});
  }
  std::vector<std::int64_t> labels() const override {
    const auto once = parent_->labels();
    std::vector<std::int64_t> out;
    for (std::int64_t k = 0; k < times_; ++k) out.insert(out.end(), once.begin(), once.end());
    return out;
  }

 private:
  std::int64_t times_;
  std::int64_t part_;
};

class ShuffledSource final : public DerivedSource {
 public:
  using DerivedSource::DerivedSource;
  Sample get(std::int64_t i, const Draw& draw) const override {
    return parent_->get((*order(draw))[static_cast<std::size_t>(i)], draw);
  }
  Batch batch_of(Numbers numbers, const Draw& draw) const override {
    return parent_->batch_of(pick(*order(draw), numbers), draw);
  }

 private:
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;
  // Two epochs are kept: threads that work ahead are in the next one.
  Order order(const Draw& draw) const {
    const std::lock_guard lock(mutex_);
    for (const Kept& kept : kept_) {
      if (kept.order && kept.draw.seed == draw.seed && kept.draw.epoch == draw.epoch) {
        return kept.order;
      }
    }
    kept_[older_] = {draw, std::make_shared<const std::vector<std::int64_t>>(
                               random_order(size(), draw, depth()))};
    const Order made = kept_[older_].order;
    older_ = 1 - older_;
    return made;
  }

  struct Kept {
    Draw draw;
    Order order;
  };
  mutable std::mutex mutex_;
  mutable Kept kept_[2];
  mutable std::size_t older_ = 0;
};

class RenamedSource final : public DerivedSource {
 public:
  RenamedSource(SourcePointer parent, Info info)
      : DerivedSource(std::move(parent)), info_(std::move(info)) {}
  const Info& info() const override { return info_; }
  Sample get(std::int64_t i, const Draw& draw) const override { return parent_->get(i, draw); }
  Batch batch_of(Numbers numbers, const Draw& draw) const override {
    return parent_->batch_of(numbers, draw);
  }
  std::vector<std::int64_t> labels() const override { return parent_->labels(); }

 private:
  Info info_;
};

}  // namespace

std::vector<std::int64_t> random_order(std::int64_t n, const Draw& draw, std::uint64_t step) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random = stream_for(draw, step, -1);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  }
  return order;
}

SourcePointer tensor_source(Tensors inputs, Tensors targets, Tensor weights, Info info) {
  return std::make_shared<TensorSource>(std::move(inputs), std::move(targets), std::move(weights),
                                        std::move(info));
}
SourcePointer generated_source(std::int64_t n, std::function<Sample(std::int64_t)> make,
                               Info info) {
  return std::make_shared<GeneratedSource>(n, std::move(make), std::move(info));
}
SourcePointer selected_source(SourcePointer parent, std::vector<std::int64_t> numbers) {
  return std::make_shared<SelectedSource>(std::move(parent), std::move(numbers));
}
SourcePointer joined_source(SourcePointer first, SourcePointer second) {
  return std::make_shared<JoinedSource>(std::move(first), std::move(second));
}
SourcePointer repeated_source(SourcePointer parent, std::int64_t times) {
  return std::make_shared<RepeatedSource>(std::move(parent), times);
}
SourcePointer shuffled_source(SourcePointer parent) {
  return std::make_shared<ShuffledSource>(std::move(parent));
}
SourcePointer renamed_source(SourcePointer parent, Info info) {
  if (!parent) return tensor_source({}, {}, {}, std::move(info));
  return std::make_shared<RenamedSource>(std::move(parent), std::move(info));
}

}  // namespace nacre::data
