#include "cli/run_setup.h"
#include "fuzz/fuzz.h"

// A run's setup.json, and what it is written back as.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    const auto setup = nacre::cli::run_setup_from_json(nacre::fuzz::text_of(bytes), "input");
    const std::string text = nacre::cli::to_json(setup);
    if (nacre::cli::to_json(nacre::cli::run_setup_from_json(text, "own")) != text) {
      throw nacre::InternalError("a setup changed on its way through JSON");
    }
  });
}
