// What commands use to describe their options.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <limits>
#include <memory>
#include <string>

#include "nacre/base/error.h"

namespace nacre::cli {

// An option that takes a whole number in least..most. The parser of the library would take "010"
// for 8 and the largest number there is for one that is larger.
template <class T>
void add_number(CLI::App* app, const std::string& name, T& to, T least, T most,
                const std::string& what) {
  app->add_option_function<std::string>(
      name,
      [&to, name, least, most](const std::string& text) {
        T value{};
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value < least ||
            value > most) {
          throw ValueError(fmt::format("{}: a whole number in {}..{} is expected, not \"{}\"", name,
                                       least, most, text));
        }
        to = value;
      },
      what);
}

}  // namespace nacre::cli
