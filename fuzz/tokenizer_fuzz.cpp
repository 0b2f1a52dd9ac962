// tokenizer.json from anywhere; what is accepted is also used, and written as it was read.
#include <string>

#include "fuzz/fuzz.h"
#include "nacre/data/text/tokenizer/tokenizer.h"

namespace {

void use(nacre::Bytes bytes) {
  const auto tokenizer = nacre::data::Tokenizer::from_json(nacre::fuzz::text_of(bytes), "input");
  const auto ids =
      tokenizer.encode("It's 12 \xe5\xad\xa6\xe4\xb9\xa0 <|end|> [MASK] \xff", "two").ids;
  tokenizer.decode(ids);
  const std::string text = tokenizer.to_json();
  if (nacre::data::Tokenizer::from_json(text, "own").to_json() != text) {
    throw nacre::InternalError("a tokenizer changed on its way through JSON");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return nacre::fuzz::run<nacre::ValueError>(data, size, use);
}
