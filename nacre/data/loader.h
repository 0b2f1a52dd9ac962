// Loader: a Dataset in batches, made ahead on background threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "nacre/data/batch_source.h"
#include "nacre/data/dataset.h"

namespace nacre::data {

// A change of a whole batch, such as mixup (data/image/augment.h).
using BatchStep = std::function<void(Batch&, RandomStream&)>;

struct LoaderOptions {
  std::int64_t batch_size = 32;
  bool shuffle = false;    // a new order in each epoch
  bool drop_last = false;  // leave out an incomplete last batch
  // Batches of an epoch at most, with `shuffle` others in each; 0: all. (Keras: steps_per_epoch.)
  std::int64_t most_batches = 0;
  std::uint64_t seed = 0;  // of the order and of augmentation
  // Background threads; 0: batches are made in next(). Where the system starts fewer, those do all
  // the work, without any next() does; batches are the same.
  int workers = 0;
  std::optional<int> prefetch = {};   // 4 batches ready at most, at least 1 a worker
  std::vector<BatchStep> steps = {};  // applied in order to each batch
};

// Throws, in next(), what reading a sample throws; the next reset() begins anew. In a child of
// fork(), which has no copy of the background threads, using a Loader that had some throws
// ValueError.
class Loader : public BatchSource {
 public:
  // Throws ValueError for a batch size below 1, negative workers or most_batches, prefetch below 1
  // or without workers, and an empty step.
  explicit Loader(Dataset set, LoaderOptions options = {});
  ~Loader() override;
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  std::int64_t samples() const override;
  std::int64_t batch_size() const override;
  std::int64_t batches() const override;
  void reset(std::int64_t epoch, std::int64_t first_batch = 0) override;
  bool next(Batch& batch) override;
  Position position() const override;
  void restore(const Position& position) override;
  const Info& info() const override;
  const Dataset& dataset() const;
  // The background threads that run by now: none before the first batch.
  int running_workers() const;

 private:
  class Impl;
  struct Delete {
    void operator()(Impl* impl) const;
  };
  std::unique_ptr<Impl, Delete> impl_;
};

}  // namespace nacre::data
