#include "nacre/base/debug.h"

#include <cstdlib>
#include <string>

#include "nacre/base/error.h"

namespace nacre {
namespace {

DebugFlags& current() {
  static DebugFlags flags = [] {
    const char* text = std::getenv("NACRE_DEBUG");
    return parse_debug_flags(text ? text : "");
  }();
  return flags;
}

}  // namespace

DebugFlags parse_debug_flags(std::string_view list) {
  DebugFlags flags;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    list = comma == std::string_view::npos ? "" : list.substr(comma + 1);
    if (word == "trace") {
      flags.trace = true;
    } else if (word == "passes") {
      flags.passes = true;
    } else if (word == "plan") {
      flags.plan = true;
    } else if (word == "nan") {
      flags.nan = true;
    } else if (word == "reference") {
      flags.reference = true;
    } else if (word == "poison") {
      flags.poison = true;
    } else if (!word.empty()) {
      throw ValueError(
          format_error({.op = "NACRE_DEBUG",
                        .what = "unknown word \"" + std::string(word) + "\"",
                        .hint = "it takes trace, passes, plan, nan, reference, poison"}));
    }
  }
  return flags;
}

const DebugFlags& debug_flags() { return current(); }
void set_debug_flags(const DebugFlags& flags) { current() = flags; }

}  // namespace nacre
