// How the options of layers are named: every options struct has each(v), which calls v(field,
// value) for every option that a recipe or a model file can hold. Recipes, descriptions of networks
// and the documentation read this list.
#pragma once

#include <cstdint>
#include <limits>

#include "nacre/tensor/arguments.h"

namespace nacre::nn {

// Sizes of layers and their number are bounded by what an int holds: what is larger is a slip.
constexpr std::int64_t kMostSize = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void fail_two_sizes(const char* layer, std::int64_t option, const First& given);

struct Field {
  const char* name;
  std::int64_t least = 0;  // of whole numbers, and of those in lists and sizes
  std::int64_t most = kMostSize;
  bool needed = false;   // has no default
  bool implied = false;  // 0 stands for what the first input says; not written then
};

// Options with a size that the call gave before them. Throws ValueError when they hold another one.
template <class Options>
Options sized(const char* layer, Options options, std::int64_t Options::*size, const First& given) {
  if (options.*size != 0 && options.*size != given.value)
    fail_two_sizes(layer, options.*size, given);
  options.*size = given.value;
  return options;
}

}  // namespace nacre::nn
