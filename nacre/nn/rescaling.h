// Rescaling: a fixed linear map.
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct RescalingOptions {
  double scale = 1;
  double offset = 0;

  template <class V>
  void each(V&& v) {
    v(Field{.name = "scale"}, scale);
    v(Field{.name = "offset"}, offset);
  }
};
// x * scale + offset, as Keras' layer of that name: scales pictures to [0, 1] at the input of a
// network, or its output back to the unit of the targets.
class Rescaling : public LayerBase {
 public:
  // Throws ValueError unless both are finite and the scale is not 0.
  explicit Rescaling(RescalingOptions options);
  explicit Rescaling(double scale, double offset = 0)
      : Rescaling(RescalingOptions{.scale = scale, .offset = offset}) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor&) {}
  const RescalingOptions& options() const { return options_; }

 private:
  RescalingOptions options_;
};

}  // namespace nacre::nn
