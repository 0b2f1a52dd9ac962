// Weights of classes as weights of samples.
#pragma once

#include <map>
#include <set>
#include <string>

#include "nacre/data/batch_source.h"

namespace nacre {

class ClassWeights {
 public:
  // `loss` tells whether targets are class numbers or one-hot rows. Throws ValueError for weights
  // that are negative or not finite.
  ClassWeights(std::map<std::int64_t, double> weights, std::string loss);

  // The weights of a batch, times those it has: of the shape of class numbers, or of one-hot rows
  // without their last axis; [n, 1] counts as [n]. Throws ShapeError for several targets,
  // ValueError for labels that are no class number or one-hot row.
  Tensor of(const data::Batch& batch);
  // When all samples were seen: throws ValueError for a class that none of them has.
  void expect_all_seen() const;

 private:
  bool are_rows(const Tensor& target) const;
  std::map<std::int64_t, double> weights_;
  std::string loss_;
  std::set<std::int64_t> seen_;
};

}  // namespace nacre
