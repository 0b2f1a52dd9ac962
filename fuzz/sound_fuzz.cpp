#include "fuzz/fuzz.h"
#include "nacre/data/sound/sound.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size,
                          [](nacre::Bytes bytes) { nacre::data::decode_sound(bytes, "input"); });
}
