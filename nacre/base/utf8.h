// Texts that came from outside: whether they are UTF-8, what of them may go to a terminal, how wide
// they are there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nacre {

// The code point that begins at a byte. What is no UTF-8 (RFC 3629) is one byte that is not valid.
struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};
// `at` must be below text.size().
CodePoint code_point_at(std::string_view text, std::size_t at);

bool is_utf8(std::string_view text);

// Itself where it is UTF-8. Else every byte that is none becomes "\xe9" and a backslash is doubled,
// so that two names never become one: for names of files and folders, which may be any bytes but
// have to stand in JSON.
std::string as_utf8(std::string_view bytes);

// For a terminal, on one line: control characters (escape codes among them), line separators,
// characters that turn the direction of writing, and bytes that are not UTF-8 become visible
// ("\n", "\x1b", "\u202e", "\xff"). All else stays.
std::string printable(std::string_view text);
// The same, but ends of lines and tabs stay.
std::string printable_lines(std::string_view text);

// The columns that a printable text takes in a terminal: 2 for East Asian wide characters and
// pictograms, 0 for marks that combine with the character before.
std::size_t display_width(std::string_view text);
// At most `columns` columns: what is longer is cut between two characters and ends with `end`,
// which is not wider.
std::string shortened(std::string_view text, std::size_t columns, std::string_view end = "…");

}  // namespace nacre
