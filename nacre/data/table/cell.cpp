#include "nacre/data/table/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "nacre/base/error.h"
#include "nacre/base/text.h"

namespace nacre::data {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::size_t digits_at(std::string_view text, std::size_t at) {
  std::size_t n = 0;
  while (at + n < text.size() && digit(text[at + n])) ++n;
  return n;
}

// The mark between groups of three digits that begins at `at`: one of `marks`, or a no-break space
// (U+00A0, U+202F). 0 for none.
std::size_t mark_at(std::string_view text, std::size_t at, std::string_view marks) {
  if (at >= text.size()) return 0;
  if (marks.find(text[at]) != marks.npos) return 1;
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\xc2\xa0")) return 2;
  return rest.starts_with("\xe2\x80\xaf") ? 3 : 0;
}

// Digits in groups of three behind one kind of mark, then perhaps the decimal mark and more digits;
// the same as a plain number.
bool grouped(std::string_view text, std::string_view marks, char decimal, std::string& plain) {
  plain.clear();
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) plain.push_back(text[at++]);
  std::size_t n = digits_at(text, at);
  if (n == 0) return false;
  plain.append(text.substr(at, n));
  at += n;
  std::string_view used;
  while (const std::size_t width = mark_at(text, at, marks)) {
    const std::string_view mark = text.substr(at, width);
    if (n > 3 || (!used.empty() && used != mark) || digits_at(text, at + width) != 3) return false;
    used = mark;
    plain.append(text.substr(at + width, 3));
    at += width + 3;
    n = 3;
  }
  if (at < text.size() && text[at] == decimal) {
    n = digits_at(text, at + 1);
    if (n == 0) return false;
    plain.push_back('.');
    plain.append(text.substr(at + 1, n));
    at += 1 + n;
  }
  return at == text.size();
}

bool plain_number(std::string_view text, double& out) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) return false;
  }
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  if (end != last) return false;
  if (error == std::errc::result_out_of_range) {
    const bool small = text.find("e-") != text.npos || text.find("E-") != text.npos ||
                       text.starts_with("0.") || text.starts_with("-0.") || text.starts_with('.');
    out = small ? 0 : HUGE_VAL;
    return true;
  }
  return error == std::errc() && std::isfinite(out);
}

}  // namespace

std::string to_string(ColumnType type) {
  constexpr const char* names[] = {"auto", "number", "decimal-comma", "thousands", "category"};
  return names[static_cast<int>(type)];
}

ColumnType column_type(const std::string& name) {
  std::vector<std::string> known;
  for (const ColumnType type :
       {ColumnType::automatic, ColumnType::number, ColumnType::decimal_comma, ColumnType::thousands,
        ColumnType::category}) {
    known.push_back(to_string(type));
    if (known.back() == name) return type;
  }
  throw ValueError(fmt::format("data.types: unknown type \"{}\"{}; known are {}", name,
                               did_you_mean(name, known), fmt::join(known, ", ")));
}

std::map<std::string, ColumnType> column_types(const std::vector<std::string>& assignments) {
  std::map<std::string, ColumnType> out;
  for (const std::string& text : assignments) {
    const auto equals = text.rfind('=');
    if (equals == text.npos || equals == 0) {
      throw ValueError(
          fmt::format("data.types: \"{}\": COLUMN=TYPE expected, for example zip=category", text));
    }
    const std::string name = text.substr(0, equals);
    if (!out.emplace(name, column_type(text.substr(equals + 1))).second) {
      throw ValueError(fmt::format("data.types: the column \"{}\" is given two types", name));
    }
  }
  return out;
}

const std::vector<std::string>& usual_missing() {
  static const std::vector<std::string> words = {"",     "?",    "NA",   "N/A", "n/a",  "#N/A",
                                                 "<NA>", "nan",  "NaN",  "NAN", "-nan", "-NaN",
                                                 "null", "NULL", "Null", "None"};
  return words;
}

std::string short_text(std::string_view text) {
  std::size_t n = std::min<std::size_t>(text.size(), 40);
  while (n > 0 && n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
  return std::string(text.substr(0, n)) + (n < text.size() ? "..." : "");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool to_number(std::string_view text, ColumnType type, double& out) {
  if (text.empty() || text.size() > 400) return false;
  if (type == ColumnType::number) return plain_number(text, out);
  std::string plain;
  const bool comma = type == ColumnType::decimal_comma;
  return grouped(text, comma ? ".' " : ",' _", comma ? ',' : '.', plain) &&
         plain_number(plain, out);
}

bool is_infinite_word(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::string word = lowered(text.substr(0, 16));
  return word == "inf" || word == "infinity" || word == "1.#inf" || word == "#div/0!";
}

bool stands_for_nothing(std::string_view text) {
  static constexpr std::array kWords = {
      "-",      "--",      "---",     "\xe2\x80\x93", "\xe2\x80\x94", ".",      "..",    "...",
      "*",      "#",       "na",      "n/a.",         "n.a.",         "n.a",    "n/a",   "nan",
      "none",   "nil",     "null",    "missing",      "unknown",      "unk",    "empty", "void",
      "(null)", "[null]",  "#value!", "#ref!",        "#name?",       "#null!", "tbd",   "_",
      "nodata", "no data", "n.d.",    "nd",           "not available"};
  if (text.size() > 16) return false;
  const std::string word = lowered(text);
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_code(std::string_view text) {
  return text.size() > 1 && (text[0] == '0' || text.size() > 15) &&
         digits_at(text, 0) == text.size();
}

bool is_date(std::string_view text) {
  std::size_t groups[3] = {};
  char mark = '\0';
  std::size_t at = 0;
  for (int k = 0; k < 3; ++k) {
    groups[k] = digits_at(text, at);
    at += groups[k];
    if (k == 2) break;
    if (at >= text.size() || std::string_view("-/.").find(text[at]) == std::string_view::npos ||
        (mark != '\0' && text[at] != mark)) {
      return false;
    }
    mark = text[at++];
  }
  const auto small = [](std::size_t n) { return n == 1 || n == 2; };
  const bool year_first = groups[0] == 4 && small(groups[1]) && small(groups[2]);
  const bool year_last = small(groups[0]) && small(groups[1]) && groups[2] == 4;
  return (year_first || year_last) && (at == text.size() || text[at] == 'T' || text[at] == ' ');
}

bool has_unit(std::string_view text) {
  const auto first = std::find_if(text.begin(), text.end(), digit) - text.begin();
  const auto last = std::find_if(text.rbegin(), text.rend(), digit) - text.rbegin();
  if (first + last == 0 || first > 4 || last > 4 ||
      static_cast<std::size_t>(first + last) >= text.size()) {
    return false;
  }
  const auto middle = text.substr(static_cast<std::size_t>(first),
                                  text.size() - static_cast<std::size_t>(first + last));
  double number = 0;
  return to_number(middle, ColumnType::number, number) ||
         to_number(middle, ColumnType::thousands, number) ||
         to_number(middle, ColumnType::decimal_comma, number);
}

}  // namespace nacre::data
