// How measures of texts part them; for the files of this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nacre::metric {

// At blanks (of ASCII).
std::vector<std::string> words_of(std::string_view text);
// The characters, bytes that are no UTF-8 one each.
std::vector<std::string> characters_in(std::string_view text);
// By the name of BleuOptions. Throws ValueError for another one.
std::vector<std::string> bleu_words(const std::string& text, const std::string& tokenize);
std::string lower_ascii(std::string_view text);

}  // namespace nacre::metric
