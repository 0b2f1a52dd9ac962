#include "fuzz/fuzz.h"
#include "nacre/base/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    nacre::Input input("input", bytes);
    input.read_rest(std::uint64_t{1} << 26);
  });
}
