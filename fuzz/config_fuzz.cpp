#include "cli/recipe.h"
#include "fuzz/fuzz.h"

// A run's config.json, and what it is written back as.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    const auto recipe = nacre::cli::recipe_from_json(nacre::fuzz::text_of(bytes), "input");
    const std::string text = nacre::cli::to_json(recipe);
    if (nacre::cli::to_json(nacre::cli::recipe_from_json(text, "own")) != text) {
      throw nacre::InternalError("a recipe changed on its way through JSON");
    }
  });
}
