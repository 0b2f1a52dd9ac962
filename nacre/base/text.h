// Small helpers for texts that people read.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nacre {

// The candidate closest to `name` by edit distance (insert, delete, replace, swap of neighbours),
// or "" when none is within a third of the name's length.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// "; did you mean \"x\"?" or "".
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

// Throws ValueError: 'loss: none is named "maee"; did you mean "mae"?; there are mse, mae'.
[[noreturn]] void fail_unknown_name(std::string_view what, std::string_view name,
                                    std::span<const std::string> known);
// The row of a table that has this `name`; fail_unknown_name() where there is none.
template <class Row, std::size_t N>
const Row& named_row(std::string_view what, std::string_view name, const Row (&rows)[N]) {
  std::vector<std::string> known;
  for (const Row& row : rows) {
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  fail_unknown_name(what, name, known);
}

// "1,234,567".
std::string with_thousands(long long number);

// "12.3 MB", "512 B": powers of 1,000.
std::string human_bytes(double bytes);

// "1:02:03", "2:03", "4.5 s", "12 ms".
std::string human_seconds(double seconds);

// RFC 4648 base64 with padding.
std::string base64(std::string_view bytes);
// The inverse; nothing for what base64() does not write.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace nacre
