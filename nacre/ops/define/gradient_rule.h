// A gradient rule of the user's as an attribute of a node.
#pragma once

#include "nacre/graph/attrs.h"
#include "nacre/ops/define/custom.h"

namespace nacre {

// A rule as attribute "rule" of custom_gradient and custom_gradients.
class GradientRulePayload final : public Payload {
 public:
  GradientRulePayload(std::string name, GradientRule rule)
      : name_(std::move(name)), rule_(std::move(rule)) {}
  const std::string& name() const { return name_; }
  const GradientRule& rule() const { return rule_; }
  std::size_t hash() const override { return reinterpret_cast<std::size_t>(this); }
  bool equal(const Payload& other) const override { return this == &other; }
  std::string text() const override { return name_; }

 private:
  std::string name_;
  GradientRule rule_;
};

}  // namespace nacre
