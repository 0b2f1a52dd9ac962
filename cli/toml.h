// TOML as JSON, with what its parser takes for granted checked before.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace nacre::cli {

constexpr std::size_t kMostToml = std::size_t{1} << 20;  // bytes
constexpr int kMostTomlDepth = 64;                       // lists and tables within each other

// The tables of a TOML text. Throws ValueError "NAME: line 3: not valid TOML: ..." also for what is
// longer or nested deeper than the bounds above, is not UTF-8, or has a number beyond 64 bits.
nlohmann::json parse_toml(const std::string& text, const std::string& name);

}  // namespace nacre::cli
