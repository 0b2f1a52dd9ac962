#include "nacre/data/text/tokenizer/characters.h"

#include <utf8proc.h>

#include <array>
#include <unordered_map>

#include "nacre/base/utf8.h"

namespace nacre::data {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool in(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

}  // namespace

bool is_letter(char32_t c) {
  if (c < 128) return in(c | 32, 'a', 'z');
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  if (c < 128) return in(c, '0', '9');
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

bool is_white(char32_t c) {
  if (c < 128) return c == ' ' || in(c, 9, 13);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || in(c, 0x2000, 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_punctuation(char32_t c) {
  if (c < 128) return in(c, 33, 47) || in(c, 58, 64) || in(c, 91, 96) || in(c, 123, 126);
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool is_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}

bool is_chinese(char32_t c) {
  return in(c, 0x4E00, 0x9FFF) || in(c, 0x3400, 0x4DBF) || in(c, 0x20000, 0x2A6DF) ||
         in(c, 0x2A700, 0x2B73F) || in(c, 0x2B740, 0x2B81F) || in(c, 0x2B920, 0x2CEAF) ||
         in(c, 0xF900, 0xFAFF) || in(c, 0x2F800, 0x2FA1F);
}

bool is_mark(char32_t c) { return c >= 128 && category(c) == UTF8PROC_CATEGORY_MN; }

std::vector<Character> characters_of(std::string_view text) {
  std::vector<Character> out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 128) {
      out.push_back({byte, at, at + 1});
      ++at;
      continue;
    }
    const CodePoint c = code_point_at(text, at);
    out.push_back({c.valid ? c.value : U'\uFFFD', at, at + c.bytes});
    at += c.bytes;
  }
  return out;
}

void append_utf8(std::string& to, char32_t c) {
  utf8proc_uint8_t bytes[4];
  const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  to.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
}

const std::vector<std::string>& byte_characters() {
  static const auto table = [] {
    std::vector<std::string> out(256);
    char32_t next = 256;  // of bytes that cannot be seen
    for (char32_t b = 0; b < 256; ++b) {
      const bool seen = in(b, 33, 126) || in(b, 161, 172) || in(b, 174, 255);
      append_utf8(out[b], seen ? b : next++);
    }
    return out;
  }();
  return table;
}

std::string bytes_as_characters(std::string_view bytes) {
  std::string out;
  for (const char b : bytes) out += byte_characters()[static_cast<unsigned char>(b)];
  return out;
}

std::string characters_as_bytes(std::string_view text) {
  static const auto table = [] {
    std::unordered_map<std::string, char> out;
    for (std::size_t b = 0; b < 256; ++b) out.emplace(byte_characters()[b], static_cast<char>(b));
    return out;
  }();
  std::string out;
  for (const Character& c : characters_of(text)) {
    const std::string one(text.substr(c.begin, c.end - c.begin));
    const auto found = table.find(one);
    if (found == table.end()) {
      out += one;
    } else {
      out += found->second;
    }
  }
  return out;
}

}  // namespace nacre::data
