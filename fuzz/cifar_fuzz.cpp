#include "fuzz/fuzz.h"
#include "nacre/data/files/cifar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    nacre::Input ten("input", bytes);
    try {
      nacre::data::read_cifar(ten, 10);
    } catch (const nacre::IoError&) {
    }
    nacre::Input hundred("input", bytes);
    nacre::data::read_cifar(hundred, 100);
  });
}
