#include "nacre/zoo/layer_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/text.h"
#include "nacre/base/utf8.h"

namespace nacre::zoo {

LayerSpec::LayerSpec(const Json& json, std::size_t number, int nesting)
    : json_(json), number_(number), nesting_(nesting) {
  if (!json.is_object()) fail("must be a table such as {\"type\": \"dense\", \"units\": 10}");
  type_ = text("type", "");
  if (type_.empty()) fail("has no \"type\"");
}

std::int64_t LayerSpec::whole(const char* key, std::int64_t fallback, std::int64_t least,
                              std::int64_t most) {
  const Json* value = take(key);
  return value ? whole_number(*value, key, least, most) : fallback;
}

std::int64_t LayerSpec::needed(const char* key) {
  if (!json_.contains(key)) fail(fmt::format("needs \"{}\"", key));
  return whole(key, 1, 1);
}

std::vector<std::int64_t> LayerSpec::needed_list(const char* key, std::int64_t least) {
  const Json* value = take(key);
  if (!value) fail(fmt::format("needs \"{}\"", key));
  return whole_numbers(*value, key, least);
}

double LayerSpec::number(const char* key, double fallback) {
  const Json* value = take(key);
  if (!value) return fallback;
  if (!value->is_number()) fail(fmt::format("\"{}\" must be a number", key));
  return value->get<double>();
}

bool LayerSpec::flag(const char* key, bool fallback) {
  const Json* value = take(key);
  if (!value) return fallback;
  if (!value->is_boolean()) fail(fmt::format("\"{}\" must be true or false", key));
  return value->get<bool>();
}

std::string LayerSpec::text(const char* key, const std::string& fallback) {
  const Json* value = take(key);
  if (!value) return fallback;
  if (!value->is_string()) fail(fmt::format("\"{}\" must be a text", key));
  return value->get<std::string>();
}

const Json& LayerSpec::list(const char* key) {
  const Json* value = take(key);
  if (!value) fail(fmt::format("needs \"{}\"", key));
  return *value;
}

PerAxis LayerSpec::sizes(const char* key, const PerAxis& fallback, std::int64_t least) {
  const Json* value = take(key);
  if (!value) return fallback;
  // One number stands for all axes.
  if (value->is_number()) return whole_number(*value, key, least, kMostSize);
  return whole_numbers(*value, key, least);
}

Padding LayerSpec::padding() {
  const Json* value = take("padding");
  if (!value || *value == "valid") return kValid;
  if (*value == "same") return kSame;
  if (value->is_number()) return whole_number(*value, "padding", 0, kMostSize);
  if (!value->is_array()) fail("\"padding\" must be \"same\", \"valid\" or whole numbers");
  if (value->empty() || !value->front().is_array()) {
    return PerAxis(whole_numbers(*value, "padding", 0));
  }
  std::vector<std::array<std::int64_t, 2>> pairs;
  for (const Json& pair : *value) {
    const std::vector<std::int64_t> ends = whole_numbers(pair, "padding", 0);
    if (ends.size() != 2) fail("\"padding\" as a list of lists has [low, high] for each axis");
    pairs.push_back({ends[0], ends[1]});
  }
  return Padding::pairs(std::move(pairs));
}

nn::Activation LayerSpec::activation() {
  const std::string name = text("activation", "");
  try {
    return name.empty() ? nn::Activation() : nn::Activation(name.c_str());
  } catch (const ValueError& e) {
    fail(e.what());
  }
}

nn::Initializer LayerSpec::initializer(const char* key) {
  const std::string name = text(key, "");
  try {
    return name.empty() ? nn::Initializer() : nn::Initializer(name.c_str());
  } catch (const ValueError& e) {
    fail(e.what());
  }
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

std::int64_t LayerSpec::whole_number(const Json& value, const char* key, std::int64_t least,
                                     std::int64_t most) const {
  // An unsigned number of JSON may be beyond 64 bits with a sign.
  const bool fits =
      value.is_number_integer() && (!value.is_number_unsigned() ||
                                    value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
  const std::int64_t n = fits ? value.get<std::int64_t>() : 0;
  if (!fits || n < least || n > most) {
    fail(fmt::format("\"{}\" must be a whole number in {}..{}, not {}", key, least, most,
                     shortened(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60)));
  }
  return n;
}

std::vector<std::int64_t> LayerSpec::whole_numbers(const Json& value, const char* key,
                                                   std::int64_t least) const {
  const auto number = [](const Json& v) { return v.is_number(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), number)) {
    fail(fmt::format("\"{}\" must be a list of whole numbers", key));
  }
  std::vector<std::int64_t> out;
  for (const Json& v : value) out.push_back(whole_number(v, key, least, kMostSize));
  return out;
}

}  // namespace nacre::zoo
