// Steps on one tensor of every sample, applied to whole batches without intermediate tensors.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "nacre/base/random.h"
#include "nacre/base/shape.h"

namespace nacre::data {

// May be used from several threads at once.
class Transform {
 public:
  virtual ~Transform() = default;
  // What comes out for such a tensor. Throws ShapeError or DTypeError when it does not fit.
  virtual Spec output(const Spec& input) const = 0;
  // One sample. `out` has room for output(spec).bytes() and does not overlap `in`.
  virtual void apply(const void* in, const Spec& spec, void* out, RandomStream& random) const = 0;
};

// To f32: x * factor + offset.
std::shared_ptr<const Transform> scale_step(double factor, double offset);
// To f32: (x - mean[c]) / deviation[c] with c along axis 0, or one value for all. Throws ValueError
// when the lists differ in length, are empty, or a deviation is not above zero.
std::shared_ptr<const Transform> normalize_step(std::vector<double> mean,
                                                std::vector<double> deviation);
// The same elements in another shape (counts must agree).
std::shared_ptr<const Transform> reshape_step(const Shape& shape);

}  // namespace nacre::data
