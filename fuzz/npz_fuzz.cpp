#include "fuzz/fuzz.h"
#include "nacre/data/files/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size,
                          [](nacre::Bytes bytes) { nacre::data::parse_npz(bytes, "input"); });
}
