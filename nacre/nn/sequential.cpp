#include "nacre/nn/sequential.h"

#include <fmt/format.h>

namespace nacre::nn {

Sequential::Sequential(std::initializer_list<NamedLayer> layers) : LayerBase("Sequential") {
  layers_.reserve(layers.size());
  for (const NamedLayer& layer : layers) push_back(layer);
}

void Sequential::push_back(NamedLayer layer) {
  if (layer.name.empty()) layer.name = std::to_string(layers_.size());
  if (!names_.insert(layer.name).second) {
    throw ValueError("Sequential: two layers are named \"" + layer.name + "\"");
  }
  layers_.push_back(std::move(layer));
  changed();
  // The others have their names.
  name_layers([&](ModuleVisitor& visitor) {
    visit_member(visitor, layers_.back().name, layers_.back().layer);
  });
}

Tensor Sequential::operator()(const Operand& x) {
  const LayerCall call(*this);
  Tensor y = x.tensor();
  for (NamedLayer& layer : layers_) y = layer.layer(Operand(y, x.at()));
  return y;
}

void Sequential::visit(ModuleVisitor& visitor) {
  for (NamedLayer& layer : layers_) visit_member(visitor, layer.name, layer.layer);
}

Layer& Sequential::operator[](std::size_t i) {
  if (i >= layers_.size()) {
    throw ValueError(fmt::format("Sequential: layer {} of {}", i, layers_.size()));
  }
  return layers_[i].layer;
}

}  // namespace nacre::nn
