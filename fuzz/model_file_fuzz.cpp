#include "fuzz/fuzz.h"
#include "nacre/data/preprocess.h"
#include "nacre/io/model_file.h"
#include "nacre/zoo/architecture.h"

// A model file and what its metadata describes: the layers and the preprocessing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(data, size, [](nacre::Bytes bytes) {
    const nacre::io::ModelFile model = nacre::io::parse_model_file(bytes, "input");
    if (!model.preprocessing.empty()) {
      nacre::data::Preprocess::from_json(model.preprocessing, "input");
    }
    nacre::zoo::build(model.architecture);
  });
}
