// The layers that a recipe or a model file can name.
#pragma once

#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "nacre/nn/api.h"

namespace nacre::zoo {

using Json = nlohmann::json;

// Sizes and numbers of layers must fit an int: anything larger is a mistake.
constexpr std::int64_t kMostSize = std::numeric_limits<std::int32_t>::max();
// Lists of layers within each other, of those that are read as of those that are written.
constexpr int kMostNesting = 32;

// One layer of the list: reads keys with their type and notes which are known. All functions throw
// ValueError that names the layer's number and type.
class LayerSpec {
 public:
  // `json` must live as long; `nesting` lists stand around it.
  LayerSpec(const Json& json, std::size_t number, int nesting);

  const std::string& type() const { return type_; }
  int nesting() const { return nesting_; }
  std::int64_t whole(const char* key, std::int64_t fallback, std::int64_t least,
                     std::int64_t most = kMostSize);
  // The key must be there; at least 1.
  std::int64_t needed(const char* key);
  std::vector<std::int64_t> needed_list(const char* key, std::int64_t least);
  double number(const char* key, double fallback);
  bool flag(const char* key, bool fallback);
  std::string text(const char* key, const std::string& fallback);
  // A list of layers.
  const Json& list(const char* key);
  // A whole number, or a list of one for each spatial axis.
  PerAxis sizes(const char* key, const PerAxis& fallback, std::int64_t least = 1);
  // Under the keys "padding" ("same", "valid", sizes, or [low, high] for each axis) and
  // "activation".
  Padding padding();
  nn::Activation activation();
  nn::Initializer initializer(const char* key);
  // Refuses keys that nobody asked for.
  void finish() const;
  [[noreturn]] void fail(const std::string& what) const;

 private:
  const Json* take(const char* key);
  std::int64_t whole_number(const Json& value, const char* key, std::int64_t least,
                            std::int64_t most) const;
  std::vector<std::int64_t> whole_numbers(const Json& value, const char* key,
                                          std::int64_t least) const;

  const Json& json_;
  std::size_t number_;
  int nesting_;
  std::string type_;
  std::vector<std::string> known_;
};

using LayerMaker = nn::NamedLayer (*)(LayerSpec&);
// By type: "dense", "conv2d", ...
const std::map<std::string, LayerMaker>& layer_makers();
// The inverse: the table that makes this layer again. `layer` has to be one of the library and its
// activation one with a name; ValueError names `path` and what it is instead.
Json describe_layer(nn::Layer& layer, const std::string& path);
// A list of them, with the names of named layers. The layers' numbers begin at 1 in errors. Both
// throw ValueError beyond kMostNesting.
nn::Sequential build_layers(const Json& list, int nesting = 1);
Json describe_layers(nn::Sequential& network, const std::string& path);

}  // namespace nacre::zoo
