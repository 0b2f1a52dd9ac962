#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "nacre/base/text.h"
#include "nacre/zoo/layer_spec.h"

namespace nacre::zoo {
namespace {

const LayerRow& find_row(const LayerSpec& spec) {
  std::vector<std::string> names;
  for (const LayerRow& row : layer_rows()) {
    if (row.type == spec.type()) return row;
    names.push_back(row.type);
  }
  spec.fail("has an unknown type" + did_you_mean(spec.type(), names) +
            fmt::format("\n  hint: known are {}", fmt::join(names, ", ")));
}

// What a layer itself finds wrong with its options gets the layer's number.
nn::NamedLayer make_layer(const LayerRow& row, LayerSpec& spec) {
  try {
    return row.make(spec);
  } catch (const ValueError& e) {
    if (std::string_view(e.what()).starts_with("model: ")) throw;
    spec.fail(std::string("is not possible: ") + e.what());
  }
}

}  // namespace

nn::Sequential build_layers(const Json& list, int nesting) {
  if (nesting > kMostNesting) {
    throw ValueError(
        fmt::format("model: lists of layers are nested deeper than {} levels", kMostNesting));
  }
  if (!list.is_array() || list.empty()) {
    throw ValueError("model: the layers must be a list of tables, at least one");
  }
  nn::Sequential network;
  for (std::size_t i = 0; i < list.size(); ++i) {
    LayerSpec spec(list[i], i, nesting);
    nn::NamedLayer layer = make_layer(find_row(spec), spec);
    layer.name = spec.text("name", "");
    spec.finish();
    network.push_back(std::move(layer));
  }
  return network;
}

}  // namespace nacre::zoo
