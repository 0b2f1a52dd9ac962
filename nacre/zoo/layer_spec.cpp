#include "nacre/zoo/layer_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/text.h"
#include "nacre/base/utf8.h"

namespace nacre::zoo {
namespace {

// Keys of layers that had other names in 0.1.0.
constexpr std::pair<const char*, const char*> kRenamed[] = {
    {"kernel_initializer", "weight_initializer"},
    {"initializer", "weight_initializer"},
    {"input_dim", "inputs"},
    {"output_dim", "units"},
    {"channels", "inputs"},
};

}  // namespace

void use_present_names(Json& layers) {
  if (layers.is_array()) {
    for (Json& layer : layers) use_present_names(layer);
  } else if (layers.is_object()) {
    for (const auto& [then, now] : kRenamed) {
      if (!layers.contains(then)) continue;
      layers[now] = layers[then];
      layers.erase(then);
    }
    if (layers.contains("layers")) use_present_names(layers["layers"]);
  }
}

LayerSpec::LayerSpec(const Json& json, std::size_t number, int nesting)
    : json_(json), number_(number), nesting_(nesting) {
  if (!json.is_object()) fail("must be a table such as {\"type\": \"dense\", \"units\": 10}");
  type_ = text("type", "");
  if (type_.empty()) fail("has no \"type\"");
  for (const auto& [then, now] : kRenamed) {
    if (json.contains(then))
      fail(fmt::format("has a key \"{}\", which is now called \"{}\"", then, now));
  }
}

void LayerSpec::read(const nn::Field& field, std::int64_t& value) {
  if (const Json* given = take(field)) value = whole_number(*given, field);
}

void LayerSpec::read(const nn::Field& field, int& value) {
  if (const Json* given = take(field)) value = static_cast<int>(whole_number(*given, field));
}

void LayerSpec::read(const nn::Field& field, std::optional<std::int64_t>& value) {
  if (const Json* given = take(field)) value = whole_number(*given, field);
}

void LayerSpec::read(const nn::Field& field, double& value) {
  const Json* given = take(field);
  if (!given) return;
  if (!given->is_number()) fail(fmt::format("\"{}\" must be a number", field.name));
  value = given->get<double>();
}

void LayerSpec::read(const nn::Field& field, bool& value) {
  const Json* given = take(field);
  if (!given) return;
  if (!given->is_boolean()) fail(fmt::format("\"{}\" must be true or false", field.name));
  value = given->get<bool>();
}

void LayerSpec::read(const nn::Field& field, std::vector<std::int64_t>& value) {
  if (const Json* given = take(field)) value = whole_numbers(*given, field);
}

void LayerSpec::read(const nn::Field& field, std::vector<int>& value) {
  const Json* given = take(field);
  if (!given) return;
  const std::vector<std::int64_t> numbers = whole_numbers(*given, field);
  value.assign(numbers.begin(), numbers.end());
}

void LayerSpec::read(const nn::Field& field, PerAxis& value) {
  const Json* given = take(field);
  if (!given) return;
  // One number stands for all axes.
  value = given->is_number() ? PerAxis(whole_number(*given, field))
                             : PerAxis(whole_numbers(*given, field));
}

void LayerSpec::read(const nn::Field& field, Padding& value) {
  const Json* given = take(field);
  if (!given) return;
  if (given->is_string()) {
    if (*given != "same" && *given != "valid") {
      fail(fmt::format("\"{}\" must be \"same\", \"valid\" or whole numbers", field.name));
    }
    value = *given == "same" ? kSame : kValid;
  } else if (given->is_number()) {
    value = whole_number(*given, field);
  } else if (!given->is_array() || given->empty() || !given->front().is_array()) {
    value = PerAxis(whole_numbers(*given, field));
  } else {
    std::vector<std::array<std::int64_t, 2>> pairs;
    for (const Json& pair : *given) {
      const std::vector<std::int64_t> ends = whole_numbers(pair, field);
      if (ends.size() != 2) {
        fail(fmt::format("\"{}\" as a list of lists has [low, high] for each axis", field.name));
      }
      pairs.push_back({ends[0], ends[1]});
    }
    value = Padding::pairs(std::move(pairs));
  }
}

void LayerSpec::read(const nn::Field& field, nn::Activation& value) {
  const std::string name = text(field.name, "");
  try {
    if (!name.empty()) value = nn::Activation(name.c_str());
  } catch (const ValueError& e) {
    fail(e.what());
  }
}

void LayerSpec::read(const nn::Field& field, nn::Initializer& value) {
  const std::string name = text(field.name, "");
  try {
    if (!name.empty()) value = nn::Initializer(name.c_str());
  } catch (const ValueError& e) {
    fail(e.what());
  }
}

std::string LayerSpec::text(const char* key, const std::string& fallback) {
  const Json* value = take(key);
  if (!value) return fallback;
  if (!value->is_string()) fail(fmt::format("\"{}\" must be a text", key));
  return value->get<std::string>();
}

const Json& LayerSpec::list(const char* key) {
  const Json* value = take(nn::Field{.name = key, .needed = true});
  return *value;
}

void LayerSpec::finish() const {
  for (const auto& [key, value] : json_.items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      fail(fmt::format("has no key \"{}\"{}", key, did_you_mean(key, known_)));
    }
  }
}

void LayerSpec::fail(const std::string& what) const {
  throw ValueError(fmt::format("model: layer {}{} {}", number_ + 1,
                               type_.empty() ? "" : " (" + printable(shortened(type_, 40)) + ")",
                               what));
}

const Json* LayerSpec::take(const char* key) {
  known_.emplace_back(key);
  const auto found = json_.find(key);
  return found == json_.end() ? nullptr : &*found;
}

const Json* LayerSpec::take(const nn::Field& field) {
  const Json* value = take(field.name);
  if (!value && field.needed) fail(fmt::format("needs \"{}\"", field.name));
  return value;
}

std::int64_t LayerSpec::whole_number(const Json& value, const nn::Field& field) const {
  // An unsigned number of JSON may be beyond 64 bits with a sign.
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<std::uint64_t>() <= static_cast<std::uint64_t>(field.most));
  const std::int64_t n = fits ? value.get<std::int64_t>() : 0;
  if (!fits || n < field.least || n > field.most) {
    fail(fmt::format("\"{}\" must be a whole number in {}..{}, not {}", field.name, field.least,
                     field.most,
                     shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60)));
  }
  return n;
}

std::vector<std::int64_t> LayerSpec::whole_numbers(const Json& value,
                                                   const nn::Field& field) const {
  const auto number = [](const Json& v) { return v.is_number(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), number)) {
    fail(fmt::format("\"{}\" must be a list of whole numbers", field.name));
  }
  std::vector<std::int64_t> out;
  for (const Json& v : value) out.push_back(whole_number(v, field));
  return out;
}

}  // namespace nacre::zoo
