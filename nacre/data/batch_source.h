// Where training, evaluation and prediction get their batches from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nacre/tensor/tensor.h"

namespace nacre::data {

// Samples stacked along axis 0.
struct Batch {
  Tensors inputs = {};   // one tensor per input of the model: [n, ...]
  Tensors targets = {};  // one per output: class indices i64 [n], or values [n, ...]; may be empty
  Tensor weights = {};   // f32 [n], how much each sample counts; undefined: all count 1

  // The one input, and the one target. Throw ValueError where there are none or several.
  const Tensor& x() const { return only(inputs, "inputs"); }
  const Tensor& y() const { return only(targets, "targets"); }
  // The number of samples; 0 for a batch without inputs.
  std::int64_t size() const { return inputs.empty() ? 0 : inputs.front().size(0); }

  static const Tensor& only(const Tensors& tensors, const char* what);
};

// A place in a sequence of epochs: enough to go on exactly where a run stopped.
struct Position {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;  // batches of this epoch already given
  std::uint64_t seed = 0;  // of shuffle and augmentation
  friend bool operator==(const Position&, const Position&) = default;
};

// What the numbers of a source mean; every part may be empty.
struct Info {
  std::string name = {};                       // "fashion-mnist"
  std::vector<std::string> class_names = {};   // name of class 0, 1, ...
  std::vector<std::string> column_names = {};  // of the features of a table
  std::string preprocessing = {};              // JSON for Preprocess::from_json (data/preprocess.h)
};

// Batches of one epoch after the other. Which samples a batch holds, in which order and with which
// augmentation depends on the seed, the epoch and the batch's number only, never on threads or
// timing.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  // Samples in an epoch, after dropping an incomplete last batch where that is wanted.
  virtual std::int64_t samples() const = 0;
  // Samples in every batch but perhaps the last.
  virtual std::int64_t batch_size() const = 0;
  // Batches in an epoch.
  virtual std::int64_t batches() const {
    return batch_size() > 0 ? (samples() + batch_size() - 1) / batch_size() : 0;
  }
  // Begins `epoch` (from 0) at batch number `first_batch`. Throws ValueError below zero or beyond
  // batches().
  virtual void reset(std::int64_t epoch, std::int64_t first_batch = 0) = 0;
  // Gives the next batch; false at the end of the epoch. Before the first reset() it is epoch 0.
  virtual bool next(Batch& batch) = 0;
  // Where the next call of next() goes on.
  virtual Position position() const = 0;
  // Goes to a saved position. Throws ValueError when it was saved under another seed.
  virtual void restore(const Position& position) = 0;
  virtual const Info& info() const = 0;
};

// What a range-for over a source walks on: for (const data::Batch& batch : loader) is one whole
// epoch, the present one when none of its batches was given yet, else the next.
class BatchIterator {
 public:
  BatchIterator() = default;
  explicit BatchIterator(BatchSource& source) : source_(&source) { ++*this; }
  const Batch& operator*() const { return batch_; }
  const Batch* operator->() const { return &batch_; }
  BatchIterator& operator++() {
    if (!source_->next(batch_)) source_ = nullptr;
    return *this;
  }
  friend bool operator!=(const BatchIterator& a, const BatchIterator& b) {
    return a.source_ != b.source_;
  }

 private:
  BatchSource* source_ = nullptr;  // null at the end of the epoch
  Batch batch_;
};
inline BatchIterator begin(BatchSource& source) {
  const Position at = source.position();
  if (at.batch > 0) source.reset(at.epoch + 1);
  return BatchIterator(source);
}
inline BatchIterator end(BatchSource&) { return {}; }

}  // namespace nacre::data
