// Normalizers.
#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "nacre/base/error.h"
#include "nacre/data/text/tokenizer/characters.h"
#include "nacre/data/text/tokenizer/steps.h"

namespace nacre::data {
namespace {

std::string mapped(const std::string& text, int options) {
  utf8proc_uint8_t* out = nullptr;
  const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                              static_cast<utf8proc_ssize_t>(text.size()), &out,
                              static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, std::free);
  if (n < 0) throw ValueError(std::string("tokenizer: text: ") + utf8proc_errmsg(n));
  return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(n)};
}

template <class F>
std::string each_character(const std::string& text, F&& f) {
  std::string out;
  for (const Character& c : characters_of(text)) f(c, out);
  return out;
}

// Full case mapping, as Rust's to_lowercase has it but for the final sigma.
void append_lower(const Character& c, std::string& to) {
  if (c.value == 0x130) {
    to += "i\xcc\x87";
  } else {
    append_utf8(to,
                static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
  }
}

std::string lowered(const std::string& text) { return each_character(text, append_lower); }

std::string without_accents(const std::string& text) {
  return each_character(text, [](const Character& c, std::string& out) {
    if (!is_mark(c.value)) append_utf8(out, c.value);
  });
}

std::string stripped(const std::string& text, bool left, bool right) {
  const std::vector<Character> all = characters_of(text);
  std::size_t begin = 0;
  std::size_t end = all.size();
  while (left && begin < end && is_white(all[begin].value)) ++begin;
  while (right && end > begin && is_white(all[end - 1].value)) --end;
  return begin == end ? "" : text.substr(all[begin].begin, all[end - 1].end - all[begin].begin);
}

std::string replaced(const std::string& text, const std::string& pattern,
                     const std::string& content) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, pattern.size(), pattern) == 0) {
      out += content;
      at += pattern.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

// As BERT's own code: decomposed before accents go, and nothing is composed again.
std::string as_bert(const std::string& given, const Normalizer& n) {
  std::string text = given;
  if (n.clean) {
    text = each_character(text, [](const Character& c, std::string& out) {
      if (c.value == 0 || c.value == 0xFFFD || is_control(c.value)) return;
      if (is_white(c.value)) {
        out += ' ';
      } else {
        append_utf8(out, c.value);
      }
    });
  }
  if (n.chinese) {
    text = each_character(text, [](const Character& c, std::string& out) {
      if (is_chinese(c.value)) out += ' ';
      append_utf8(out, c.value);
      if (is_chinese(c.value)) out += ' ';
    });
  }
  if (n.accents) text = without_accents(mapped(text, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE));
  return n.lower ? lowered(text) : text;
}

}  // namespace

std::string Normalizer::apply(const std::string& text) const {
  constexpr int kStable = UTF8PROC_STABLE;
  switch (kind) {
    case Kind::nfc:
      return mapped(text, UTF8PROC_COMPOSE | kStable);
    case Kind::nfd:
      return mapped(text, UTF8PROC_DECOMPOSE | kStable);
    case Kind::nfkc:
      return mapped(text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT | kStable);
    case Kind::nfkd:
      return mapped(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | kStable);
    case Kind::lowercase:
      return lowered(text);
    case Kind::strip_accents:
      return without_accents(text);
    case Kind::strip:
      return stripped(text, left, right);
    case Kind::replace:
      return replaced(text, pattern, content);
    case Kind::prepend:
      return text.empty() ? text : content + text;
    case Kind::bert:
      break;
  }
  return as_bert(text, *this);
}

}  // namespace nacre::data
