// What the functions of Dataset make: one source each. Arguments are checked by Dataset.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "nacre/data/dataset.h"

namespace nacre::data {

using SourcePointer = std::shared_ptr<const SampleSource>;

// A source that reads from one other.
class DerivedSource : public SampleSource {
 public:
  explicit DerivedSource(SourcePointer parent) : parent_(std::move(parent)) {}
  std::int64_t size() const override { return parent_->size(); }
  const Info& info() const override { return parent_->info(); }
  bool weighted() const override { return parent_->weighted(); }
  std::uint64_t depth() const override { return parent_->depth() + 1; }

 protected:
  SourcePointer parent_;
};

SourcePointer tensor_source(Tensors inputs, Tensors targets, Tensor weights, Info info);
SourcePointer generated_source(std::int64_t n, std::function<Sample(std::int64_t)> make, Info info);
SourcePointer selected_source(SourcePointer parent, std::vector<std::int64_t> numbers);
SourcePointer joined_source(SourcePointer first, SourcePointer second);
SourcePointer repeated_source(SourcePointer parent, std::int64_t times);
SourcePointer shuffled_source(SourcePointer parent);
SourcePointer mapped_source(SourcePointer parent, std::function<Sample(Sample, RandomStream&)> f);
SourcePointer transformed_source(SourcePointer parent, std::shared_ptr<const Transform> step,
                                 int input);
SourcePointer cached_source(SourcePointer parent, std::size_t limit_bytes);
SourcePointer one_hot_source(SourcePointer parent, std::int64_t classes);
SourcePointer renamed_source(SourcePointer parent, Info info);  // parent may be null

// 0..n-1 in the random order of this seed, step and epoch (Fisher and Yates).
std::vector<std::int64_t> random_order(std::int64_t n, const Draw& draw, std::uint64_t step);

}  // namespace nacre::data
