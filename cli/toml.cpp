#include "cli/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <toml.hpp>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"

namespace nacre::cli {
namespace {

using Json = nlohmann::json;

constexpr int kMostDots = 16;                            // of one key
constexpr std::size_t kMostWork = std::size_t{1} << 26;  // about a second; see next_line

[[noreturn]] void fail_toml(const std::string& name, std::size_t line, const std::string& what) {
  throw ValueError(format_error({.op = name,
                                 .what = fmt::format("line {}: not valid TOML: {}", line, what),
                                 .hint = "docs/recipes.md shows what a recipe looks like"}));
}

// Walks over a text as the parser does, without recursion, and bounds what would make the parser
// recurse (brackets and dots of keys) or take minutes (values on one line); the parser clamps
// numbers without a word, so these are looked at here as well. Whatever else is wrong is left to
// the parser, which stops there.
class TomlScan {
 public:
  TomlScan(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        skip_text(c);
      } else if (std::string_view("[]{}=,\n").find(c) != std::string_view::npos) {
        punctuation(c);
      } else if (is_word(c)) {
        word();
      } else {
        ++at_;
      }
    }
    next_line();
  }

 private:
  static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '+' || c == '-' || c == '.';
  }

  // For each value the parser looks through its whole line.
  void next_line() {
    work_ += values_ * (at_ - line_begin_);
    if (work_ > kMostWork) {
      fail_toml(name_, line_,
                fmt::format("{} values on one line; put each on a line of its own", values_));
    }
    values_ = 0;
    line_begin_ = at_;
    ++line_;
  }

  void punctuation(char c) {
    dots_ = 0;
    if (c != '\n' && c != ']' && c != '}') ++values_;
    if (c == '\n') next_line();
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (depth_ > kMostTomlDepth) {
      fail_toml(name_, line_, fmt::format("nested deeper than {} levels", kMostTomlDepth));
    }
    ++at_;
  }

  // A text in quotes of either kind; three of them go over several lines.
  void skip_text(char quote) {
    const std::string three(3, quote);
    const bool lines = text_.substr(at_, 3) == three;
    at_ += lines ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (quote == '"' && c == '\\') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') next_line();
      } else if (c == '\n') {
        if (!lines) return;  // the parser finds the end of the line
        next_line();
      } else if (lines ? text_.substr(at_, 3) == three : c == quote) {
        at_ += lines ? 3 : 1;
        return;
      }
      ++at_;
    }
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    dots_ += static_cast<int>(std::count(word.begin(), word.end(), '.'));
    if (dots_ > kMostDots) {
      fail_toml(name_, line_, fmt::format("a key of more than {} parts", kMostDots));
    }
    check_number(word);
  }

  void check_number(std::string_view word) const {
    std::string digits;
    for (const char c : word) {
      if (c != '_') digits += c;
    }
    const char* begin = digits.data() + (digits.starts_with('+') ? 1 : 0);
    const char* end = digits.data() + digits.size();
    int base = 10;
    if (end - begin > 2 && begin[0] == '0') {
      base = begin[1] == 'x' ? 16 : begin[1] == 'o' ? 8 : begin[1] == 'b' ? 2 : 10;
      if (base != 10) begin += 2;
    }
    std::int64_t whole = 0;
    const auto as_whole = std::from_chars(begin, end, whole, base);
    bool too_large = as_whole.ptr == end && as_whole.ec == std::errc::result_out_of_range;
    if (base == 10) {
      double number = 0;
      const auto as_number = std::from_chars(begin, end, number);
      too_large =
          too_large || (as_number.ptr == end && as_number.ec == std::errc::result_out_of_range);
    }
    if (too_large) {
      fail_toml(name_, line_, fmt::format("the number {} is out of range", shortened(word, 40)));
    }
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::size_t values_ = 0;  // on this line
  std::size_t work_ = 0;
  int depth_ = 0;
  int dots_ = 0;
};

Json to_json_value(const toml::value& value, const std::string& name) {
  if (value.is_boolean()) return value.as_boolean();
  if (value.is_integer()) return value.as_integer();
  if (value.is_floating()) return value.as_floating();
  if (value.is_string()) return std::string(value.as_string().str);
  if (value.is_array()) {
    Json list = Json::array();
    for (const toml::value& item : value.as_array()) list.push_back(to_json_value(item, name));
    return list;
  }
  if (value.is_table()) {
    Json object = Json::object();
    for (const auto& [key, item] : value.as_table()) object[key] = to_json_value(item, name);
    return object;
  }
  throw ValueError(
      fmt::format("{}: line {}: dates have no use in a recipe", name, value.location().line()));
}

// "[error] toml::parse_table: invalid line format\n --> r.toml\n ..." becomes "invalid line
// format".
std::string reason_of(const std::string& what) {
  std::string line = what.substr(0, what.find('\n'));
  for (const std::string_view prefix : {"[error] ", "toml::"}) {
    if (line.starts_with(prefix)) line = line.substr(prefix.size());
  }
  const auto colon = line.find(": ");
  if (colon != line.npos && line.find(' ') > colon) line = line.substr(colon + 2);
  while (!line.empty() && (line.back() == ' ' || line.back() == ':')) line.pop_back();
  return line.empty() ? "it is not understood" : printable(line);
}

}  // namespace

nlohmann::json parse_toml(const std::string& text, const std::string& name) {
  if (text.size() > kMostToml) {
    throw ValueError(fmt::format("{}: {} bytes, this is no recipe: at most {} are expected", name,
                                 text.size(), kMostToml));
  }
  // The parser reads beyond its memory where quoted text is not UTF-8.
  for (std::size_t at = 0, line = 1; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (!c.valid) {
      fail_toml(name, line,
                fmt::format("it is not UTF-8: byte {} is {}", at, printable(text.substr(at, 1))));
    }
    line += c.value == '\n' ? 1 : 0;
    at += c.bytes;
  }
  TomlScan(text, name).run();
  std::istringstream in(text);
  try {
    return to_json_value(toml::parse(in, name), name);
  } catch (const toml::exception& e) {
    const std::string here = e.location().line_str();
    throw ValueError(
        format_error({.op = name,
                      .what = fmt::format("line {}: not valid TOML: {}", e.location().line(),
                                          reason_of(e.what())),
                      .inputs = here.empty() ? "" : "here: " + printable(shortened(here, 60)),
                      .hint = "docs/recipes.md shows what a recipe looks like"}));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // the parser's own mistakes: std::out_of_range and its kin
    throw ValueError(name + ": not valid TOML: " + reason_of(e.what()));
  }
}

}  // namespace nacre::cli
