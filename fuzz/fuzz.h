// What the fuzz targets share: bytes go into a parser, which may refuse them with an IoError (and
// the other errors that its declaration names) and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "nacre/base/error.h"
#include "nacre/base/file.h"

namespace nacre::fuzz {

template <class... Allowed, class F>
int run(const std::uint8_t* data, std::size_t size, F&& parse) {
  try {
    parse(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    const bool allowed = dynamic_cast<const IoError*>(&error) != nullptr ||
                         (... || (dynamic_cast<const Allowed*>(&error) != nullptr));
    if (!allowed) throw;
  }
  return 0;
}

inline std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace nacre::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
