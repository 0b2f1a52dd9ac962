// Pre-tokenizers. The two patterns of GPT are scanned by hand: they are what most texts go through.
#include <utf8proc.h>

#include <algorithm>

#include "nacre/data/text/tokenizer/characters.h"
#include "nacre/data/text/tokenizer/steps.h"

namespace nacre::data {
namespace {

using Characters = std::vector<Character>;

bool is_other(char32_t c) { return !is_white(c) && !is_letter(c) && !is_number(c); }
bool is_line_end(char32_t c) { return c == '\r' || c == '\n'; }

template <class Is>
std::size_t run(const Characters& all, std::size_t at, Is&& is) {
  while (at < all.size() && is(all[at].value)) ++at;
  return at;
}

// The end of 's 't 're 've 'm 'll 'd at a place, or the place.
std::size_t contraction(const Characters& all, std::size_t at, bool any_case) {
  if (all[at].value != '\'') return at;
  const auto letter = [&](std::size_t i) -> char32_t {
    if (i >= all.size()) return 0;
    const char32_t c = all[i].value;
    if (any_case && c == 0x17F) return 's';  // its capital is S
    return any_case && c >= 'A' && c <= 'Z' ? c + 32 : c;
  };
  const char32_t a = letter(at + 1);
  const char32_t b = letter(at + 2);
  if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return at + 3;
  return a == 's' || a == 't' || a == 'm' || a == 'd' ? at + 2 : at;
}

// \s+(?!\S)|\s+ : blanks before a word leave it the last one.
std::size_t blanks(const Characters& all, std::size_t at) {
  const std::size_t end = run(all, at, is_white);
  return end == all.size() || end == at + 1 ? end : end - 1;
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t next_gpt2(const Characters& all, std::size_t at) {
  if (const std::size_t end = contraction(all, at, false); end > at) return end;
  const std::size_t word = all[at].value == ' ' && at + 1 < all.size() ? at + 1 : at;
  const char32_t c = all[word].value;
  if (is_letter(c)) return run(all, word, is_letter);
  if (is_number(c)) return run(all, word, is_number);
  if (is_other(c)) return run(all, word, is_other);
  return blanks(all, at);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
// |\s*[\r\n]+|\s+(?!\S)|\s+
std::size_t next_gpt4(const Characters& all, std::size_t at, int digits) {
  if (const std::size_t end = contraction(all, at, true); end > at) return end;
  const char32_t c = all[at].value;
  if (is_letter(c)) return run(all, at, is_letter);
  const bool more = at + 1 < all.size();
  if (!is_line_end(c) && !is_number(c) && more && is_letter(all[at + 1].value)) {
    return run(all, at + 1, is_letter);
  }
  if (is_number(c)) {
    const std::size_t end = run(all, at, is_number);
    return std::min(end, at + static_cast<std::size_t>(digits));
  }
  const std::size_t marks = c == ' ' && more ? at + 1 : at;
  if (is_other(all[marks].value)) return run(all, run(all, marks, is_other), is_line_end);
  const std::size_t end = run(all, at, is_white);
  for (std::size_t i = end; i > at; --i) {
    if (is_line_end(all[i - 1].value)) return i;
  }
  return blanks(all, at);
}

template <class Next>
void cut(const std::string& text, Next&& next, std::vector<std::string>& out) {
  const Characters all = characters_of(text);
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = next(all, at);
    out.push_back(text.substr(all[at].begin, all[end - 1].end - all[at].begin));
    at = end;
  }
}

// Pieces between blanks; `apart` characters are pieces of their own.
template <class Apart>
void cut_words(const std::string& text, bool at_blanks, Apart&& apart,
               std::vector<std::string>& out) {
  std::string piece;
  const auto finish = [&] {
    if (!piece.empty()) out.push_back(std::move(piece));
    piece.clear();
  };
  for (const Character& c : characters_of(text)) {
    const std::string_view one = std::string_view(text).substr(c.begin, c.end - c.begin);
    if (at_blanks && is_white(c.value)) {
      finish();
    } else if (apart(c.value)) {
      finish();
      out.emplace_back(one);
    } else {
      piece += one;
    }
  }
  finish();
}

// \w of Rust's regex: alphabetic characters (letters in circles and squares among them), marks,
// decimal digits, connectors.
bool is_word(char32_t c) {
  if (c < 128) return is_letter(c) || is_number(c) || c == '_';
  const auto k = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  const bool enclosed = (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
                        (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
  return is_letter(c) || enclosed || k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC ||
         k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL ||
         k == UTF8PROC_CATEGORY_PC;
}

void cut_runs_of_words(const std::string& text, std::vector<std::string>& out) {
  const Characters all = characters_of(text);
  for (std::size_t at = 0; at < all.size();) {
    if (is_white(all[at].value)) {
      ++at;
      continue;
    }
    const bool word = is_word(all[at].value);
    const std::size_t end =
        run(all, at, [&](char32_t c) { return !is_white(c) && is_word(c) == word; });
    out.push_back(text.substr(all[at].begin, all[end - 1].end - all[at].begin));
    at = end;
  }
}

void cut_numbers(const std::string& text, bool each, std::vector<std::string>& out) {
  cut(
      text,
      [&](const Characters& all, std::size_t at) {
        const bool number = is_number(all[at].value);
        if (number && each) return at + 1;
        return run(all, at, [&](char32_t c) { return is_number(c) == number; });
      },
      out);
}

}  // namespace

void PreTokenizer::apply(std::vector<std::string>& pieces) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string& text = pieces[i];
    if (prefix_space && !text.empty() && !is_white(characters_of(text)[0].value)) {
      text.insert(0, 1, ' ');
    }
    switch (kind) {
      case Kind::gpt2:
        cut(text, next_gpt2, out);
        break;
      case Kind::gpt4:
        cut(
            text, [&](const Characters& all, std::size_t at) { return next_gpt4(all, at, digits); },
            out);
        break;
      case Kind::byte_level:
        if (!text.empty()) out.push_back(std::move(text));
        break;
      case Kind::white_words:
        cut_words(
            text, true, [](char32_t) { return false; }, out);
        break;
      case Kind::words:
        cut_runs_of_words(text, out);
        break;
      case Kind::bert:
        cut_words(text, true, is_punctuation, out);
        break;
      case Kind::punctuation:
        cut_words(text, false, is_punctuation, out);
        break;
      case Kind::digits:
        cut_numbers(text, each, out);
        break;
    }
  }
  if (kind == Kind::gpt2 || kind == Kind::byte_level) {
    for (std::string& piece : out) piece = bytes_as_characters(piece);
  }
  pieces = std::move(out);
}

}  // namespace nacre::data
