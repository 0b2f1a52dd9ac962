#include "fuzz/fuzz.h"
#include "nacre/zoo/architecture.h"

// The JSON list of layers of a recipe.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(
      data, size, [](nacre::Bytes bytes) { nacre::zoo::build(nacre::fuzz::text_of(bytes)); });
}
