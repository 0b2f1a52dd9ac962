#include "fuzz/fuzz.h"
#include "nacre/data/image/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size,
                          [](nacre::Bytes bytes) { nacre::data::decode_image(bytes, "input"); });
}
