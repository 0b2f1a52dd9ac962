// The layers that a recipe or a model file can name.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nacre/nn/api.h"

namespace nacre::zoo {

using Json = nlohmann::json;

// Lists of layers within each other, of those that are read as of those that are written.
constexpr int kMostNesting = 32;

// Layers of a file that was written when some keys had other names, by the names of today. (In a
// recipe such a key is an error that says the new name.)
void use_present_names(Json& layers);

// One layer of the list: reads keys with their type and notes which are known. All functions throw
// ValueError that names the layer's number and type.
class LayerSpec {
 public:
  // `json` must live as long; `nesting` lists stand around it.
  LayerSpec(const Json& json, std::size_t number, int nesting);

  const std::string& type() const { return type_; }
  int nesting() const { return nesting_; }
  // Set `value` where the key is there; it has to be where the field says that it is needed.
  void read(const nn::Field& field, std::int64_t& value);
  void read(const nn::Field& field, int& value);
  void read(const nn::Field& field, std::optional<std::int64_t>& value);
  void read(const nn::Field& field, double& value);
  void read(const nn::Field& field, bool& value);
  void read(const nn::Field& field, std::vector<std::int64_t>& value);
  void read(const nn::Field& field, std::vector<int>& value);
  // A whole number, or a list of one for each spatial axis.
  void read(const nn::Field& field, PerAxis& value);
  // "same", "valid", sizes, or [low, high] for each axis.
  void read(const nn::Field& field, Padding& value);
  void read(const nn::Field& field, nn::Activation& value);
  void read(const nn::Field& field, nn::Initializer& value);
  std::string text(const char* key, const std::string& fallback);
  // A list of layers.
  const Json& list(const char* key);
  // Refuses keys that nobody asked for.
  void finish() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const Json* take(const char* key);
  const Json* take(const nn::Field& field);
  std::int64_t whole_number(const Json& value, const nn::Field& field) const;
  std::vector<std::int64_t> whole_numbers(const Json& value, const nn::Field& field) const;

  const Json& json_;
  std::size_t number_;
  int nesting_;
  std::string type_;
  std::vector<std::string> known_;
};

// A type of layer that can be named: "dense", "conv2d", ...
struct LayerRow {
  std::string type;
  nn::NamedLayer (*make)(LayerSpec& spec);
  // Whether `layer` is one; `out` is filled with the keys that make it again then. Throws
  // ValueError for what has no name.
  bool (*describe)(nn::Layer& layer, const std::string& path, Json& out);
  // Its keys with their defaults, for the documentation: {"groups", "1"}, {"units", "needed"}.
  std::vector<std::pair<std::string, std::string>> (*keys)();
};
const std::vector<LayerRow>& layer_rows();

// A list of layers, with the names of named layers. The layers' numbers begin at 1 in errors. Both
// throw ValueError beyond kMostNesting.
nn::Sequential build_layers(const Json& list, int nesting = 1);
Json describe_layers(nn::Sequential& network, const std::string& path);
// The table that makes this layer again. `layer` has to be one of the library and its activation
// one with a name; ValueError names `path` and what it is instead.
Json describe_layer(nn::Layer& layer, const std::string& path);

}  // namespace nacre::zoo
