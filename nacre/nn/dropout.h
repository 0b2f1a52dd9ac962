// Dropout layers: the identity unless training().
#pragma once

#include "nacre/nn/field.h"
#include "nacre/nn/layer.h"

namespace nacre::nn {

struct DropoutOptions {
  double rate = 0.5;  // in [0, 1)

  template <class V>
  void each(V&& v) {
    v(Field{.name = "rate"}, rate);
  }
};
// Srivastava et al., "Dropout", 2014; kept elements are scaled by 1 / (1 - rate). The state of its
// random numbers is a buffer, `generator`, so that checkpoints hold it.
class Dropout : public LayerBase {
 public:
  Dropout() : Dropout(DropoutOptions{}) {}
  explicit Dropout(DropoutOptions options) : Dropout("Dropout", options) {}
  explicit Dropout(double rate) : Dropout(DropoutOptions{.rate = rate}) {}
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor) { visitor.variable("generator", generator); }
  const DropoutOptions& options() const { return options_; }

  Variable generator;

 protected:
  Dropout(std::string kind, DropoutOptions options);
  // Which axes share one decision.
  virtual std::vector<std::int64_t> noise_shape(const LayerCall&, const Operand&) const {
    return {};
  }

 private:
  DropoutOptions options_;
};

// Drops whole channels of [batch, channels, spatial...]. Tompson et al., 2015.
class SpatialDropout : public Dropout {
 public:
  SpatialDropout() : SpatialDropout(DropoutOptions{}) {}
  explicit SpatialDropout(DropoutOptions options) : Dropout("SpatialDropout", options) {}
  explicit SpatialDropout(double rate) : SpatialDropout(DropoutOptions{.rate = rate}) {}

 protected:
  std::vector<std::int64_t> noise_shape(const LayerCall& call, const Operand& x) const override;
};

}  // namespace nacre::nn
