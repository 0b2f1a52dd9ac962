#include "fuzz/fuzz.h"
#include "nacre/data/files/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    nacre::Input input("input", bytes);
    nacre::data::unpack_tar(input, [](const std::string&) { return std::filesystem::path(); });
  });
}
