// Sequential: layers one after another.
#pragma once

#include <initializer_list>
#include <string>
#include <unordered_set>
#include <vector>

#include "nacre/nn/activation.h"

namespace nacre::nn {

// A layer with the name it has in a Sequential; without one it is called by its position.
struct NamedLayer {
  template <class M>
  requires std::is_constructible_v<Layer, M> NamedLayer(M&& module)  // NOLINT: implicit
      : layer(std::forward<M>(module)) {}
  // Functions of the library, such as relu and softmax.
  NamedLayer(Tensor (*function)(const Operand&)) : layer(ActivationLayer(function)) {}
  NamedLayer(Tensor (*function)(const Operand&, int)) : layer(ActivationLayer(function)) {}
  NamedLayer(Tensor (*function)(const Operand&, double)) : layer(ActivationLayer(function)) {}
  template <class M>
  requires std::is_constructible_v<Layer, M> NamedLayer(std::string name_, M&& module)
      : name(std::move(name_)), layer(std::forward<M>(module)) {}

  std::string name;
  Layer layer;
};

// Sequential{Dense{{.units = 32}}, relu, [](const Tensor& x) { return x * 2; }}
// Sequential{{"hidden", Dense{{.units = 32}}}, {"output", Dense{{.units = 10}}}}
class Sequential : public LayerBase {
 public:
  Sequential() : LayerBase("Sequential") {}
  Sequential(std::initializer_list<NamedLayer> layers);

  // Throws ValueError when the name is taken.
  void push_back(NamedLayer layer);
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);

  std::size_t size() const { return layers_.size(); }
  // Throws ValueError out of range.
  Layer& operator[](std::size_t i);
  const std::string& name(std::size_t i) const { return layers_[i].name; }

 private:
  std::vector<NamedLayer> layers_;
  std::unordered_set<std::string> names_;
};

}  // namespace nacre::nn
