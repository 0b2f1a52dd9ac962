// Sequential: layers one after another.
#pragma once

#include <initializer_list>
#include <string>
#include <unordered_set>
#include <vector>

#include "nacre/nn/activation.h"
#include "nacre/ops/shape/slice.h"

namespace nacre::nn {

// A layer with the name it has in a Sequential; without one it is called by its position.
struct NamedLayer {
  template <class M>
  requires std::is_constructible_v<Layer, M> NamedLayer(M&& module)  // NOLINT: implicit
      : layer(std::forward<M>(module)) {}
  // Activations, by name or as functions of the library such as relu and softmax.
  NamedLayer(Activation activation) : layer(ActivationLayer(std::move(activation))) {}
  NamedLayer(Tensor (*function)(const Operand&)) : layer(ActivationLayer(function)) {}
  NamedLayer(Tensor (*function)(const Operand&, int)) : layer(ActivationLayer(function)) {}
  NamedLayer(Tensor (*function)(const Operand&, double)) : layer(ActivationLayer(function)) {}
  template <class M>
  requires std::is_constructible_v<Layer, M> NamedLayer(std::string name_, M&& module)
      : name(std::move(name_)), layer(std::forward<M>(module)) {}

  std::string name;
  Layer layer;
};

// Sequential{Dense({.units = 32}), relu, [](const Tensor& x) { return x * 2; }}
// Sequential{{"hidden", Dense({.units = 32})}, {"output", Dense({.units = 10})}}
class Sequential : public LayerBase {
 public:
  Sequential() : LayerBase("Sequential") {}
  Sequential(std::initializer_list<NamedLayer> layers);

  // Throws ValueError when the name is taken.
  void push_back(NamedLayer layer);
  // The same, as Keras and PyTorch call it: net.add(Dense(10)), net.add("head", Dense(10)).
  Sequential& add(NamedLayer layer) {
    push_back(std::move(layer));
    return *this;
  }
  template <class M>
  requires std::is_constructible_v<Layer, M> Sequential& add(std::string name, M&& module) {
    return add(NamedLayer(std::move(name), std::forward<M>(module)));
  }
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);

  std::size_t size() const { return layers_.size(); }
  // Layer i; negative counts from the back. Throws ValueError out of range.
  Layer& operator[](std::int64_t i);
  // The layer of a name; one within another by "block.conv". Throws ValueError with the nearest
  // name.
  Layer& operator[](std::string_view name) { return layer(name); }
  Layer& layer(std::string_view name);
  const std::string& name(std::size_t i) const { return layers_[i].name; }
  // Some of the layers under the names they have here, copied with their parameters: those of a
  // slice, net[slice(0, -1)], the first n, and the last n. Below zero n is how many are left out,
  // as in Python's layers[:n]. Throws ValueError when there are fewer.
  Sequential operator[](const Slice& range) const;
  Sequential first(std::int64_t n) const;
  Sequential last(std::int64_t n) const;

 private:
  std::vector<NamedLayer> layers_;
  std::unordered_set<std::string> names_;
};

}  // namespace nacre::nn
