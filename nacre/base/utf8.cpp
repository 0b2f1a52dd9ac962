#include "nacre/base/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace nacre {
namespace {

struct Span {
  char32_t first, last;
};

bool within(const Span* begin, const Span* end, char32_t c) {
  const Span* at =
      std::upper_bound(begin, end, c, [](char32_t v, const Span& s) { return v < s.first; });
  return at != begin && c <= std::prev(at)->last;
}

// Marks without a width of their own, by blocks: most of Unicode's categories Mn and Me.
constexpr Span kMarks[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd},  {0x05bf, 0x05bf}, {0x05c1, 0x05c2},
    {0x0610, 0x061a}, {0x064b, 0x065f},   {0x0670, 0x0670},  {0x06d6, 0x06dc}, {0x06df, 0x06e4},
    {0x0900, 0x0902}, {0x093c, 0x093c},   {0x0941, 0x0948},  {0x094d, 0x094d}, {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},  {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x20d0, 0x20f0}, {0x302a, 0x302d},   {0x3099, 0x309a},  {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef}};

// East Asian Wide and Fullwidth (Unicode TR 11), by blocks, and pictograms.
constexpr Span kWide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},
                          {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
                          {0xa000, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},
                          {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                          {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                          {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

std::size_t width_of(char32_t c) {
  if (within(std::begin(kMarks), std::end(kMarks), c)) return 0;
  return within(std::begin(kWide), std::end(kWide), c) ? 2 : 1;
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
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at);
  CodePoint out{.value = static_cast<char32_t>(first), .bytes = 1, .valid = first < 0x80};
  if (first < 0xc2 || first > 0xf4) return out;
  const std::size_t n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (n > text.size() - at) return out;
  char32_t value = first & (0x7fu >> n);
  for (std::size_t k = 1; k < n; ++k) {
    if ((byte(at + k) & 0xc0u) != 0x80u) return out;
    value = value << 6 | (byte(at + k) & 0x3fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // shorter forms are not allowed
  if (value < kLeast[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return out;
  return {value, n, true};
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
