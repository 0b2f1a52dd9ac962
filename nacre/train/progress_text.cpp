#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "nacre/base/utf8.h"
#include "nacre/train/progress.h"

namespace nacre {
namespace {

std::string bar(const Progress& p, std::size_t width) {
  const double part =
      p.batches > 0 ? static_cast<double>(p.batch) / static_cast<double>(p.batches) : 0;
  const std::size_t full =
      std::min(width, static_cast<std::size_t>(part * static_cast<double>(width)));
  return "[" + std::string(full, '=') + std::string(width - full, ' ') + "]";
}

}  // namespace

std::string running_line(const Progress& p, std::size_t columns) {
  const std::size_t most = std::max<std::size_t>(columns, 2) - 1;
  std::size_t bar_width = 20;
  bool time = true;
  bool rate = true;
  std::size_t numbers = p.numbers.size();
  while (true) {
    std::string line = p.epoch;
    if (bar_width > 0) line += " " + bar(p, bar_width);
    line += fmt::format(" {}/{}", p.batch, p.batches);
    for (std::size_t i = 0; i < numbers; ++i) line += (i == 0 ? "  " : ", ") + p.numbers[i];
    if (time) line += "  " + p.time;
    if (rate) line += "  " + p.rate;
    if (display_width(line) <= most) return line;
    if (rate) {
      rate = false;
    } else if (bar_width > 0) {
      bar_width = bar_width > 10 ? 10 : 0;
    } else if (time) {
      time = false;
    } else if (numbers > 0) {
      --numbers;
    } else {
      return shortened(line, most, "");
    }
  }
}

std::string finished_lines(const Progress& p, std::size_t columns) {
  const std::size_t most = std::max<std::size_t>(columns, 2) - 1;
  std::string text;
  std::string line = shortened(p.epoch, most, "");
  const auto add = [&](const char* between, const std::string& part) {
    if (display_width(line) + display_width(between) + display_width(part) <= most) {
      line += between + part;
      return;
    }
    // The comma stays with the number before it.
    if (*between == ',' && display_width(line) < most) line += ",";
    text += line + "\n";
    line = shortened("  " + part, most, "");
  };
  for (std::size_t i = 0; i < p.numbers.size(); ++i) add(i == 0 ? "  " : ", ", p.numbers[i]);
  add("  ", p.time);
  add("  ", p.rate);
  return text + line;
}

std::size_t terminal_columns() {
  if (const char* given = std::getenv("COLUMNS")) {
    const long columns = std::strtol(given, nullptr, 10);
    if (columns > 0) return static_cast<std::size_t>(columns);
  }
  struct winsize size {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace nacre
