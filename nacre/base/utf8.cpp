#include "nacre/base/utf8.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>

namespace nacre {
namespace {

std::size_t width_of(char32_t c) {
  return static_cast<std::size_t>(utf8proc_charwidth(static_cast<utf8proc_int32_t>(c)));
}

// What a terminal may take for a command, or what shows a line in another order than it has.
bool acts(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string made_visible(std::string_view text, bool lines) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const std::string_view bytes = text.substr(at, c.bytes);
    at += c.bytes;
    if (!c.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    } else if (!acts(c.value) || (lines && (c.value == '\n' || c.value == '\t'))) {
      out += bytes;
    } else if (c.value == '\n' || c.value == '\t' || c.value == '\r') {
      out += c.value == '\n' ? "\\n" : c.value == '\t' ? "\\t" : "\\r";
    } else {
      const auto number = static_cast<std::uint32_t>(c.value);
      out += number < 0x80 ? fmt::format("\\x{:02x}", number) : fmt::format("\\u{:04x}", number);
    }
  }
  return out;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
  utf8proc_int32_t value = 0;
  const auto left = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size() - at, 4));
  const utf8proc_ssize_t n = utf8proc_iterate(bytes, left, &value);
  if (n <= 0) return {.value = *bytes};
  return {static_cast<char32_t>(value), static_cast<std::size_t>(n), true};
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    if (!c.valid) return false;
    at += c.bytes;
  }
  return true;
}

std::string as_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint c = code_point_at(bytes, at);
    if (!c.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[at]));
    } else {
      out += c.value == '\\' ? "\\\\" : bytes.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  return out;
}

std::string printable(std::string_view text) { return made_visible(text, false); }
std::string printable_lines(std::string_view text) { return made_visible(text, true); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    width += width_of(c.value);
    at += c.bytes;
  }
  return width;
}

std::string shortened(std::string_view text, std::size_t columns, std::string_view end) {
  const std::size_t reserved = display_width(end);
  std::size_t width = 0;
  std::size_t kept = 0;  // bytes that leave room for the end
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    width += width_of(c.value);
    at += c.bytes;
    if (width > columns) {
      return std::string(text.substr(0, kept)) + std::string(reserved <= columns ? end : "");
    }
    if (width + reserved <= columns) kept = at;
  }
  return std::string(text);
}

}  // namespace nacre
