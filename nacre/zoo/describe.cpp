#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/utf8.h"
#include "nacre/zoo/layer_row.h"

namespace nacre::zoo {
void write(const nn::Field& field, std::int64_t value, Json& out) {
  if (!field.implied || value != 0) out[field.name] = value;
}

void write(const nn::Field& field, int value, Json& out) { out[field.name] = value; }

void write(const nn::Field& field, const std::optional<std::int64_t>& value, Json& out) {
  if (value) out[field.name] = *value;
}

void write(const nn::Field& field, double value, Json& out) { out[field.name] = value; }

void write(const nn::Field& field, bool value, Json& out) { out[field.name] = value; }

void write(const nn::Field& field, const std::vector<std::int64_t>& value, Json& out) {
  out[field.name] = value;
}

void write(const nn::Field& field, const std::vector<int>& value, Json& out) {
  out[field.name] = value;
}

void write(const nn::Field& field, const PerAxis& value, Json& out) {
  if (!value.empty()) out[field.name] = value.values();
}

void write(const nn::Field& field, const Padding& value, Json& out) {
  if (value.kind() == Padding::Kind::same) {
    out[field.name] = "same";
  } else if (value.kind() == Padding::Kind::valid) {
    out[field.name] = "valid";
  } else if (!value.low_high().empty()) {
    out[field.name] = value.low_high();
  } else {
    out[field.name] = value.both().values();
  }
}

void write(const nn::Field& field, const nn::Activation& value, Json& out) {
  if (!value) return;
  if (value.name() == "custom") throw ValueError("an activation of the program's own");
  out[field.name] = value.name();
}

void write(const nn::Field&, const nn::Initializer&, Json&) {}

Json describe_layer(nn::Layer& layer, const std::string& path) {
  std::string what = layer.kind();
  try {
    for (const LayerRow& row : layer_rows()) {
      Json out{{"type", row.type}};
      if (row.describe(layer, path, out)) return out;
    }
  } catch (const ValueError& e) {
    if (std::string_view(e.what()).starts_with("model: ")) throw;
    what = e.what();
  }
  throw ValueError(fmt::format(
      "model: layer \"{}\" cannot be described, it is {}\n  hint: save its weights with "
      "save_weights, build the network in the program and load_weights there",
      path, what));
}

Json describe_layers(nn::Sequential& network, const std::string& path) {
  // The path has a slash for each list around.
  if (std::count(path.begin(), path.end(), '/') >= kMostNesting) {
    throw ValueError(fmt::format(
        "model: layer \"{}\" cannot be described: its lists of layers are nested deeper than {} "
        "levels\n  hint: put the layers of the inner ones into the outer ones",
        shortened(path, 60), kMostNesting));
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < network.size(); ++i) {
    Json layer = describe_layer(network[i], path + network.name(i));
    if (network.name(i) != std::to_string(i)) layer["name"] = network.name(i);
    list.push_back(std::move(layer));
  }
  return list;
}

}  // namespace nacre::zoo
