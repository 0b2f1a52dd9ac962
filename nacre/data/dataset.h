// Dataset: a fixed number of samples that can be asked for by number, and what can be made of it.
//
//   const Dataset train = data::load("digits").train;
//   const auto [fit, check] = train.split(0.2, {.seed = 1});
//   const Dataset more = fit.augment({.crop_padding = 1});
//   data::Loader batches = more.batch({.batch_size = 32, .shuffle = true});
//
// A Dataset is a handle: copying it shares, and every function below makes a new one that reads
// from the old one. Nothing is computed before a sample is asked for. Reading is safe from several
// threads at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nacre/base/random.h"
#include "nacre/data/batch_source.h"
#include "nacre/tensor/arrays.h"

namespace nacre::data {

class Loader;
class Transform;
struct LoaderOptions;
struct ImageAugmentation;

// One sample: the tensors of a Batch without their axis 0.
struct Sample {
  Tensors inputs = {};
  Tensors targets = {};
  float weight = 1;

  // The one input, and the one target, as of a Batch.
  const Tensor& x() const { return Batch::only(inputs, "inputs"); }
  const Tensor& y() const { return Batch::only(targets, "targets"); }
};

// What random choices of a sample depend on besides its number.
struct Draw {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
};

// The implementation of a Dataset. All functions may be called from several threads at once.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual std::int64_t size() const = 0;
  // Sample i in 0..size()-1.
  virtual Sample get(std::int64_t i, const Draw& draw) const = 0;
  // The samples of these numbers, stacked. By default get() one by one; sources that can do better
  // override it. Throws ShapeError naming the sample whose shape differs from the first.
  virtual Batch batch_of(std::span<const std::int64_t> numbers, const Draw& draw) const;
  virtual const Info& info() const = 0;
  // Whether batch_of() gives weights.
  virtual bool weighted() const { return false; }
  // Class indices of all samples where they are known without decoding the samples, else empty.
  virtual std::vector<std::int64_t> labels() const { return {}; }
  // Steps between this source and the raw data: keeps the random streams of steps apart.
  virtual std::uint64_t depth() const { return 0; }
};

struct SplitOptions {
  std::uint64_t seed = 0;
  bool shuffle = true;     // false: the second part is the end of the set
  bool stratified = true;  // the same share of every class, where targets are class indices
};

class Dataset {
 public:
  // Empty.
  Dataset() = default;
  explicit Dataset(std::shared_ptr<const SampleSource> source) : source_(std::move(source)) {}
  // Row i of each tensor makes sample i; the tensors are shared, not copied. Throws ShapeError when
  // their first axes differ. weights: f32 [n], or undefined.
  static Dataset from(const Arrays& inputs, const Arrays& targets = {}, Info info = {},
                      Tensor weights = {});
  // n samples that a function makes; it is called from several threads.
  static Dataset generate(std::int64_t n, std::function<Sample(std::int64_t)> make, Info info = {});

  std::int64_t size() const { return source_ ? source_->size() : 0; }
  bool empty() const { return size() == 0; }
  // Sample i. Throws ValueError out of range.
  Sample get(std::int64_t i, const Draw& draw = {}) const;
  const Info& info() const;
  // Shapes of one sample, found by reading sample 0; empty for an empty set.
  std::vector<Spec> input_specs() const;
  std::vector<Spec> target_specs() const;
  // The class index of every sample. Throws ValueError when targets are not class indices.
  std::vector<std::int64_t> labels() const;
  // All samples stacked, in order.
  Batch all(const Draw& draw = {}) const;

  // The parts of a set. Counts beyond the size are cut to it; numbers out of range throw
  // ValueError.
  Dataset take(std::int64_t count) const;
  Dataset skip(std::int64_t count) const;
  Dataset select(std::vector<std::int64_t> numbers) const;
  Dataset concat(const Dataset& other) const;
  // The set `times` times in a row within an epoch; random steps below draw anew each time.
  Dataset repeat(std::int64_t times) const;
  // A new order in each epoch.
  Dataset shuffle() const;
  // {the rest, `fraction` of the samples}; both keep the set's order. Throws ValueError unless
  // 0 <= fraction <= 1.
  std::pair<Dataset, Dataset> split(double fraction, const SplitOptions& options = {}) const;

  // f for every sample, with the random stream of that sample and epoch.
  Dataset map(std::function<Sample(Sample, RandomStream&)> f) const;
  // A step on one input tensor; see data/transform.h.
  Dataset transform(std::shared_ptr<const Transform> step, int input = 0) const;
  // Keeps each sample in memory once it was read: put it behind slow decoding and before
  // augmentation. Throws ValueError, when read, beyond `limit_bytes`.
  Dataset cache(std::size_t limit_bytes = std::size_t{8} << 30) const;
  // Converts to f32, x * factor + offset: 1 / 255 for bytes of pictures.
  Dataset scale(double factor, double offset = 0) const;
  // (x - mean) / deviation, per channel (axis 0 of a picture) or per column.
  Dataset normalize(std::vector<double> mean, std::vector<double> deviation) const;
  // Class indices to f32 rows of `classes` values.
  Dataset one_hot(std::int64_t classes) const;
  // Random changes of pictures f32 [channels, height, width]; see data/image/augment.h.
  Dataset augment(const ImageAugmentation& augmentation) const;
  // Other names and texts.
  Dataset with_info(Info info) const;

  // Batches of it; see data/loader.h. Loader(set, {.batch_size = 32}) is the same.
  Loader batch(const LoaderOptions& options) const;

  const std::shared_ptr<const SampleSource>& source() const { return source_; }

 private:
  std::shared_ptr<const SampleSource> source_;
};

// Mean and standard deviation (of the population) per channel or column of the first input, over
// the whole set or its first `most` samples. A deviation of zero is given as 1. Throws ValueError
// that names the sample and channel of a value that is not finite.
struct Moments {
  std::vector<double> mean;
  std::vector<double> deviation;
};
Moments measure(const Dataset& set, std::int64_t most = 1 << 16);

// The random stream of a sample: independent for each seed, epoch, step and sample.
RandomStream stream_for(const Draw& draw, std::uint64_t step, std::int64_t sample);

}  // namespace nacre::data
