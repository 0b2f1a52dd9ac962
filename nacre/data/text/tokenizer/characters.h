// What tokenizers ask of characters: the classes of Unicode that their patterns name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nacre::data {

bool is_letter(char32_t c);       // \p{L}
bool is_number(char32_t c);       // \p{N}
bool is_white(char32_t c);        // \s: White_Space
bool is_punctuation(char32_t c);  // \p{P}, and all marks of ASCII that are no letters or digits
bool is_control(char32_t c);      // \p{Cc}, \p{Cf}, \p{Co}, but for tabs and ends of lines
bool is_chinese(char32_t c);      // a block of CJK ideographs, as BERT has them
bool is_mark(char32_t c);         // \p{Mn}

// A character and where it stands.
struct Character {
  char32_t value;
  std::size_t begin, end;  // bytes
};
// Bytes that are no UTF-8 count as U+FFFD each.
std::vector<Character> characters_of(std::string_view text);
void append_utf8(std::string& to, char32_t c);

// Byte-level tokenizers write each byte as a character that can be seen (Radford et al., 2019).
std::string bytes_as_characters(std::string_view bytes);
// The inverse. Characters that stand for no byte are themselves.
std::string characters_as_bytes(std::string_view text);
// The character of each byte, by the byte.
const std::vector<std::string>& byte_characters();

}  // namespace nacre::data
