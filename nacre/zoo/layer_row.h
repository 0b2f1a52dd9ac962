// How a row of layers.cpp is made of a class of layers whose options name themselves.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>

#include "nacre/zoo/layer_spec.h"

namespace nacre::zoo {

using LayerKeys = std::vector<std::pair<std::string, std::string>>;

// Puts a value of a field into `out`; initializers are not written, since the weights are kept.
// Throws ValueError for an activation without a name.
void write(const nn::Field& field, std::int64_t value, Json& out);
void write(const nn::Field& field, int value, Json& out);
void write(const nn::Field& field, const std::optional<std::int64_t>& value, Json& out);
void write(const nn::Field& field, double value, Json& out);
void write(const nn::Field& field, bool value, Json& out);
void write(const nn::Field& field, const std::vector<std::int64_t>& value, Json& out);
void write(const nn::Field& field, const std::vector<int>& value, Json& out);
void write(const nn::Field& field, const PerAxis& value, Json& out);
void write(const nn::Field& field, const Padding& value, Json& out);
void write(const nn::Field& field, const nn::Activation& value, Json& out);
void write(const nn::Field& field, const nn::Initializer& value, Json& out);

// A type that has all options of its class, with their defaults. Others say which they have, with
// what they begin, and by what a layer is recognised as theirs.
struct Plain {
  static bool has(std::string_view) { return true; }
  template <class Options>
  static void begin(Options&) {}
  template <class Options>
  static bool is(const Options&) {
    return true;
  }
};

template <class L>
using OptionsOf = std::decay_t<decltype(std::declval<const L&>().options())>;

template <class L, class Type = Plain>
LayerRow row(const char* name) {
  LayerRow result;
  result.type = name;
  result.make = [](LayerSpec& spec) -> nn::NamedLayer {
    OptionsOf<L> options;
    Type::begin(options);
    options.each([&](const nn::Field& field, auto& value) {
      if (Type::has(field.name)) spec.read(field, value);
    });
    return L(options);
  };
  result.describe = [](nn::Layer& layer, const std::string&, Json& out) {
    const L* found = layer.get_if<L>();
    if (!found || !Type::is(found->options())) return false;
    OptionsOf<L> options = found->options();
    options.each([&](const nn::Field& field, const auto& value) {
      if (Type::has(field.name)) write(field, value, out);
    });
    return true;
  };
  result.keys = [] {
    LayerKeys keys;
    OptionsOf<L> options;
    Type::begin(options);
    options.each([&](const nn::Field& field, const auto& value) {
      if (!Type::has(field.name)) return;
      Json written;
      write(field, value, written);
      Json standard = written.empty() ? Json() : written[field.name];
      if (standard.is_array() && standard.size() == 1) standard = standard[0];
      keys.emplace_back(field.name, field.needed         ? "needed"
                                    : standard.is_null() ? ""
                                                         : standard.dump());
    });
    return keys;
  };
  return result;
}

}  // namespace nacre::zoo
