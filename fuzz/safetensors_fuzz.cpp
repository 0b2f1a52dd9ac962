#include "fuzz/fuzz.h"
#include "nacre/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size,
                          [](nacre::Bytes bytes) { nacre::io::parse_safetensors(bytes, "input"); });
}
