// What a tokenizer does to a text before its model sees it, step by step, each as Hugging Face's
// tokenizer.json names it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "nacre/base/json.h"

namespace nacre::data {

// Changes characters.
struct Normalizer {
  enum class Kind : std::uint8_t {
    nfc,
    nfd,
    nfkc,
    nfkd,
    lowercase,
    strip_accents,
    strip,
    replace,
    prepend,
    bert
  };
  Kind kind;
  // bert: cleans controls and blanks, puts blanks around ideographs, strips accents, lowers.
  bool clean = true, chinese = true, accents = true, lower = true;
  bool left = true, right = true;          // strip
  std::string pattern = {}, content = {};  // replace a text; prepend `content`

  std::string apply(const std::string& text) const;
};

// Parts a text into pieces, which tokens do not go across.
struct PreTokenizer {
  enum class Kind : std::uint8_t {
    gpt2,         // ByteLevel's own pattern (Radford et al., 2019)
    gpt4,         // the pattern of cl100k and Llama 3; `digits` numbers together
    byte_level,   // writes bytes as characters, without a pattern
    white_words,  // WhitespaceSplit
    words,        // Whitespace: \w+ or [^\w\s]+
    bert,         // at blanks, and each punctuation mark by itself
    punctuation,  // each mark by itself
    digits,       // numbers apart from the rest; `each` of them by itself
  };
  Kind kind;
  bool prefix_space = false;  // of ByteLevel
  int digits = 3;
  bool each = false;

  void apply(std::vector<std::string>& pieces) const;
};

using Normalizers = std::vector<Normalizer>;
using PreTokenizers = std::vector<PreTokenizer>;

// The "normalizer" and "pre_tokenizer" of a tokenizer.json; sequences are lists. Throw IoError that
// names a step or an option that is not known.
Normalizers normalizers_from(const JsonView& json);
PreTokenizers pre_tokenizers_from(const JsonView& json);
nlohmann::json to_json(const Normalizers& steps);
nlohmann::json to_json(const PreTokenizers& steps);

}  // namespace nacre::data
