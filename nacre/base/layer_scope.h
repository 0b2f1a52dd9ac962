// The path of the layer whose code runs now ("mlp/dense_1"), for errors, graphs and profiles.
#pragma once

#include <string>
#include <string_view>

namespace nacre {

// The current path of this thread; empty outside layers.
const std::string& layer_path();

// Appends "/name" to the path of this thread for its own lifetime.
class LayerScope {
 public:
  explicit LayerScope(std::string_view name);
  ~LayerScope();
  LayerScope(const LayerScope&) = delete;
  LayerScope& operator=(const LayerScope&) = delete;

 private:
  std::size_t previous_length_;
};

}  // namespace nacre
