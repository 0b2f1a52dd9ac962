#include "nacre/metric/text_words.h"

#include <fmt/format.h>

#include <utility>

#include "nacre/base/error.h"
#include "nacre/base/utf8.h"

namespace nacre::metric {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// The rules of mteval-v13a for European languages.
std::string by_rules(const std::string& text) {
  std::string out;
  // Marks but for apostrophe, comma, hyphen, point: by themselves.
  for (const char c : text) {
    const bool mark = (c >= '{' && c <= '~') || (c >= '[' && c <= '`') ||
                      (c >= ' ' + 1 && c <= '&') || (c >= '(' && c <= '+') ||
                      (c >= ':' && c <= '@') || c == '/';
    out += mark ? std::string{' ', c, ' '} : std::string(1, c);
  }
  // A point or comma unless digits stand on the side asked for; matches do not overlap.
  const auto part = [](const std::string& in, bool before) {
    std::string to;
    for (std::size_t i = 0; i < in.size();) {
      const bool pair = i + 1 < in.size();
      const char here = in[i];
      const char next = pair ? in[i + 1] : ' ';
      const bool point_next = next == '.' || next == ',';
      const bool point_here = here == '.' || here == ',';
      if (before && pair && point_next && !is_digit(here)) {
        to += std::string{here, ' ', next, ' '};
        i += 2;
      } else if (!before && pair && point_here && !is_digit(next)) {
        to += std::string{' ', here, ' ', next};
        i += 2;
      } else {
        to += here;
        ++i;
      }
    }
    return to;
  };
  out = part(out, true);
  out = part(out, false);
  std::string last;  // a hyphen behind a digit
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '-' && i > 0 && is_digit(out[i - 1])) {
      last += " - ";
    } else {
      last += out[i];
    }
  }
  return last;
}

std::string as_13a(std::string text) {
  replace_all(text, "<skipped>", "");
  replace_all(text, "-\n", "");
  replace_all(text, "\n", " ");
  for (const auto& [from, to] : {std::pair("&quot;", "\""), std::pair("&amp;", "&"),
                                 std::pair("&lt;", "<"), std::pair("&gt;", ">")}) {
    replace_all(text, from, to);
  }
  return by_rules(" " + text + " ");
}

bool in(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

// The characters that sacreBLEU's "zh" puts apart.
bool is_chinese(char32_t c) {
  return in(c, 0x3400, 0x4DB5) || in(c, 0x4E00, 0x9FA5) || in(c, 0x9FA6, 0x9FBB) ||
         in(c, 0xF900, 0xFA2D) || in(c, 0xFA30, 0xFA6A) || in(c, 0xFA70, 0xFAD9) ||
         in(c, 0x20000, 0x2A6D6) || in(c, 0x2F800, 0x2FA1D) || in(c, 0xFF00, 0xFFEF) ||
         in(c, 0x2E80, 0x2EFF) || in(c, 0x3000, 0x303F) || in(c, 0x31C0, 0x31EF) ||
         in(c, 0x2F00, 0x2FDF) || in(c, 0x2FF0, 0x2FFF) || in(c, 0x3100, 0x312F) ||
         in(c, 0x31A0, 0x31BF) || in(c, 0xFE10, 0xFE1F) || in(c, 0xFE30, 0xFE4F) ||
         in(c, 0x2600, 0x26FF) || in(c, 0x2700, 0x27BF) || in(c, 0x3200, 0x32FF) ||
         in(c, 0x3300, 0x33FF);
}

std::string with_ideographs_apart(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const std::string_view one = text.substr(at, c.bytes);
    if (c.valid && is_chinese(c.value)) {
      out.append(" ").append(one).append(" ");
    } else {
      out += one;
    }
    at += c.bytes;
  }
  return out;
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\n\r\f\v");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n\r\f\v") - begin + 1);
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      if (!word.empty()) out.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

std::vector<std::string> characters_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    out.emplace_back(text.substr(at, c.bytes));
    at += c.bytes;
  }
  return out;
}

std::vector<std::string> bleu_words(const std::string& text, const std::string& tokenize) {
  if (tokenize == "none") return words_of(text);
  if (tokenize == "13a") return words_of(as_13a(trimmed(text)));
  if (tokenize == "zh") return words_of(by_rules(with_ideographs_apart(trimmed(text))));
  if (tokenize == "char") {
    std::vector<std::string> out = characters_in(text);
    std::erase_if(out, [](const std::string& c) { return words_of(c).empty(); });
    return out;
  }
  throw ValueError(fmt::format(
      "bleu: unknown tokenize \"{}\"\n  hint: known are 13a, zh, char, none", tokenize));
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace nacre::metric
