#include "cli/recipe.h"
#include "fuzz/fuzz.h"

// The first character chooses: a recipe in TOML, or an option "=key=value".
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(data, size, [](nacre::Bytes bytes) {
    const std::string text = nacre::fuzz::text_of(bytes);
    if (text.starts_with('=')) {
      nacre::cli::Recipe recipe;
      nacre::cli::set_key(recipe, text.substr(1));
    } else {
      nacre::cli::recipe_from_toml(text, "input");
    }
  });
}
