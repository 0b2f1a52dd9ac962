#include "fuzz/fuzz.h"
#include "nacre/data/files/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    nacre::Input input("input", bytes);
    nacre::data::read_idx(input);
  });
}
