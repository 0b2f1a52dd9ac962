// TensorSource: batches of samples that are in memory as tensors.
#pragma once

#include "nacre/data/batch_source.h"

namespace nacre {

struct TensorSourceOptions {
  std::int64_t batch_size = 32;
  bool shuffle = false;
  std::uint64_t seed = 0;
};

// Rows of tensors [n, ...]; every epoch in an order of its own when shuffled.
class TensorSource final : public data::BatchSource {
 public:
  // `weights` may be undefined. Throws ShapeError when the tensors differ in their first axis,
  // ValueError for a batch size below 1.
  TensorSource(const Tensors& inputs, const Tensors& targets, const Tensor& weights,
               const TensorSourceOptions& options);

  std::int64_t samples() const override { return samples_; }
  std::int64_t batch_size() const override { return options_.batch_size; }
  void reset(std::int64_t epoch, std::int64_t first_batch = 0) override;
  bool next(data::Batch& batch) override;
  data::Position position() const override;
  void restore(const data::Position& position) override;
  const data::Info& info() const override { return info_; }

 private:
  Tensors inputs_;
  Tensors targets_;
  Tensor weights_;
  TensorSourceOptions options_;
  data::Info info_;
  std::int64_t samples_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t batch_ = 0;
  std::vector<std::int64_t> order_;  // empty: as they are
};

// Weights of samples in the shape that losses take: f32, without trailing axes of size 1. Throws
// ShapeError unless their axes are the first axes of each of the targets.
Tensor sample_weights_for(const Tensors& targets, const Tensor& weights);
// Throws ValueError unless it is 0, 1 or 2.
void expect_verbose(const char* who, int verbose);

// Rows first .. last - 1 of a tensor, a copy; and the rows of a list.
Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last);
Tensor rows(const Tensor& x, std::span<const std::int64_t> indices);

}  // namespace nacre
