// A cell of a table: which numbers its text can be.
#pragma once

#include <string>
#include <string_view>

#include "nacre/data/table/table.h"

namespace nacre::data {

// The beginning of a cell, for people: at most 40 bytes, not cut within a character.
std::string short_text(std::string_view text);

// Without blanks around it.
std::string_view trimmed(std::string_view text);

// Reads a whole text as a number in the given way of writing (number, decimal_comma, thousands).
// Infinite for what is too large, 0 for what is too small. False for other texts, "inf" and "nan".
bool to_number(std::string_view text, ColumnType type, double& out);

// "inf", "-Infinity", ...: a number that no model can take.
bool is_infinite_word(std::string_view text);
// Words that people put where they have no number: "-", "--", ".", "none", "unknown", ...
bool stands_for_nothing(std::string_view text);
// Digits only that a number would not keep: "007", or more than 15 of them.
bool is_code(std::string_view text);
// YYYY-MM-DD, DD.MM.YYYY, MM/DD/YYYY, perhaps with a time.
bool is_date(std::string_view text);
// A number with up to four other characters before or after it: "12 kg", "$5", "30%".
bool has_unit(std::string_view text);

}  // namespace nacre::data
