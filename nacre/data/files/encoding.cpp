#include "nacre/data/files/encoding.h"

#include <cstdint>

namespace nacre::data {
namespace {

void put(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
    return;
  }
  if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (c >> 6)));
  } else {
    if (c < 0x10000) {
      out.push_back(static_cast<char>(0xe0 | (c >> 12)));
    } else {
      out.push_back(static_cast<char>(0xf0 | (c >> 18)));
      out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3f)));
    }
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3f)));
  }
  out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
}

std::string from_utf16(std::string_view bytes, bool big) {
  std::string out;
  const auto unit = [&](std::size_t i) -> std::uint32_t {
    const auto a = static_cast<unsigned char>(bytes[i]);
    const auto b = static_cast<unsigned char>(bytes[i + 1]);
    return big ? (std::uint32_t{a} << 8) | b : (std::uint32_t{b} << 8) | a;
  };
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    std::uint32_t c = unit(i);
    if (c >= 0xd800 && c < 0xdc00 && i + 3 < bytes.size() && unit(i + 2) >= 0xdc00 &&
        unit(i + 2) < 0xe000) {
      c = 0x10000 + ((c - 0xd800) << 10) + (unit(i + 2) - 0xdc00);
      i += 2;
    } else if (c >= 0xd800 && c < 0xe000) {
      c = 0xfffd;
    }
    put(out, c);
  }
  if (i < bytes.size()) put(out, 0xfffd);
  return out;
}

}  // namespace

std::size_t utf8_until(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const CodePoint next = code_point_at(text, at);
    if (!next.valid) break;
    at += next.bytes;
  }
  return at;
}

std::string to_utf8(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xff\xfe")) return from_utf16(text.substr(2), false);
  if (text.starts_with("\xfe\xff")) return from_utf16(text.substr(2), true);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) put(out, static_cast<unsigned char>(c));
  return out;
}

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = code_point_at(text, at).bytes;
    out.push_back(text.substr(at, n));
    at += n;
  }
  return out;
}

}  // namespace nacre::data
