// What the fuzz targets share: bytes go into a parser, which may refuse them with an IoError and
// nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nacre/base/error.h"
#include "nacre/base/file.h"

namespace nacre::fuzz {

template <class F>
int run(const std::uint8_t* data, std::size_t size, F&& parse) {
  try {
    parse(std::as_bytes(std::span(data, size)));
  } catch (const IoError&) {
  }
  return 0;
}

}  // namespace nacre::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
