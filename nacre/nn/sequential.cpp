#include "nacre/nn/sequential.h"

#include <fmt/format.h>

namespace nacre::nn {
namespace {

void expect_at_most(std::int64_t n, std::size_t size) {
  if (static_cast<std::size_t>(n < 0 ? -n : n) <= size) return;
  throw ValueError(fmt::format("Sequential: {} layers of {}", n, size));
}

}  // namespace

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

Layer& Sequential::operator[](std::int64_t i) {
  const auto n = static_cast<std::int64_t>(layers_.size());
  if (i < -n || i >= n) throw ValueError(fmt::format("Sequential: layer {} of {}", i, n));
  return layers_[static_cast<std::size_t>(i < 0 ? i + n : i)].layer;
}

Layer& Sequential::layer(std::string_view name) {
  std::vector<std::string> names;
  for (NamedLayer& own : layers_) {
    if (own.name == name) return own.layer;
    if (name.starts_with(own.name + ".")) {
      if (auto* list = own.layer.get_if<Sequential>()) {
        return list->layer(name.substr(own.name.size() + 1));
      }
    }
    names.push_back(own.name);
  }
  throw ValueError(
      fmt::format("Sequential: no layer is named \"{}\"{}", name, names_hint(name, names)));
}

Sequential Sequential::operator[](const Slice& range) const {
  const SliceRange r = resolve(range, static_cast<std::int64_t>(layers_.size()), Location());
  Sequential out;
  for (std::int64_t k = 0; k < r.size; ++k) {
    out.push_back(layers_[static_cast<std::size_t>(r.start + k * r.step)]);
  }
  return out;
}

Sequential Sequential::first(std::int64_t n) const {
  expect_at_most(n, layers_.size());
  return (*this)[slice(n)];
}

Sequential Sequential::last(std::int64_t n) const {
  expect_at_most(n, layers_.size());
  const auto size = static_cast<std::int64_t>(layers_.size());
  return (*this)[slice(n < 0 ? -n : size - n, none)];
}

}  // namespace nacre::nn
