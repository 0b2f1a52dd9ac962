#include "cli/console.h"

#include <fmt/format.h>

#include <cstdio>

namespace nacre::cli {
namespace {

// Columns a UTF-8 text takes; good enough for the scripts that stand in names of classes.
std::size_t width_of(const std::string& text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0u) != 0x80u;
  return width;
}

}  // namespace

void Console::print(const std::string& text, const nlohmann::json& data) const {
  if (json) {
    fmt::print("{}\n", data.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}{}", text, text.empty() || text.back() == '\n' ? "" : "\n");
  }
  std::fflush(stdout);
}

std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const std::string pad(widths[i] - width_of(rows[r][i]), ' ');
      const bool to_right = i < right.size() && right[i];
      line += (i ? "  " : "") + (to_right ? pad + rows[r][i] : rows[r][i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (r == 0) {
      std::size_t total = widths.empty() ? 0 : 2 * (widths.size() - 1);
      for (const std::size_t w : widths) total += w;
      out += std::string(total, '-') + "\n";
    }
  }
  return out;
}

}  // namespace nacre::cli
