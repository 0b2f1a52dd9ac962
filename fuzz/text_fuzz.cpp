#include "fuzz/fuzz.h"
#include "nacre/data/files/encoding.h"
#include "nacre/data/text/text.h"

// Any bytes become UTF-8, its tokens numbers, and these a text again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run(data, size, [](nacre::Bytes bytes) {
    using nacre::data::TextEncoder;
    const std::string text = nacre::data::to_utf8(bytes);
    if (!nacre::data::is_utf8(text)) throw nacre::InternalError("to_utf8 gave something else");
    for (const auto level :
         {nacre::data::TextOptions::Level::word, nacre::data::TextOptions::Level::character}) {
      const auto encoder = TextEncoder::fit({text}, {.level = level, .length = 16});
      encoder.encode(text);
      if (!nacre::data::is_utf8(encoder.decode(encoder.numbers(text)))) {
        throw nacre::InternalError("decode gave something that is not UTF-8");
      }
      TextEncoder::from_json(encoder.to_json(), "own");
    }
  });
}
