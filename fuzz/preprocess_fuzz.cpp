#include "fuzz/fuzz.h"
#include "nacre/data/preprocess.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    nacre::data::Preprocess::from_json(text, "input");
  });
}
