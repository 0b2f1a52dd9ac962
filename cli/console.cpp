#include "cli/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <new>

#include "nacre/base/error.h"
#include "nacre/base/output.h"
#include "nacre/base/utf8.h"

namespace nacre::cli {
namespace {

bool output_was_closed = false;

using Json = nlohmann::json;

// Texts that are no UTF-8 (names of files may be any bytes) in the form that JSON can hold.
Json as_utf8_json(const Json& value) {
  if (value.is_string()) return as_utf8(value.get_ref<const std::string&>());
  Json out = value;
  if (value.is_array()) {
    for (Json& item : out) item = as_utf8_json(item);
  } else if (value.is_object()) {
    out = Json::object();
    for (const auto& [key, item] : value.items()) out[as_utf8(key)] = as_utf8_json(item);
  }
  return out;
}

// JSON escapes the control characters of ASCII itself; the others, which only stand in texts, get
// the same treatment.
std::string terminal_json(const Json& value) {
  const std::string text = as_utf8_json(value).dump(2);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const std::string_view bytes(text.data() + at, c.bytes);
    if (c.value >= 0x7f && printable(bytes) != bytes) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.value));
    } else {
      out += bytes;
    }
    at += c.bytes;
  }
  return out;
}

std::string with_newline(const std::string& text) {
  return printable_lines(text) + (text.empty() || text.back() == '\n' ? "" : "\n");
}

}  // namespace

void open_standard_streams() {
  output_was_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
  // open() takes the lowest number that is free: that of the stream, as those below are open.
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream) _exit(kFailed);
  }
}

int finish_output(int code) {
  const int error = output_error();
  if (error == 0) return code;
  write_error(fmt::format("nacre: standard output: cannot be written: {}\n", std::strerror(error)));
  return code == kOk ? kFailed : code;
}

void show_progress(const std::string& line) { write_error(line); }

void Console::print(const std::string& text, const Json& data) const {
  if (output_was_closed) {
    throw IoError(
        "standard output is closed: the result cannot be written\n  hint: open it, or send it to a "
        "file or to /dev/null");
  }
  write_output(json ? terminal_json(data) + "\n" : with_newline(text));
}

void Console::say(const std::string& text) const {
  if (!json) write_output(with_newline(text));
}

void Console::write(const std::string& text) const {
  if (!json) write_output(text);
}

void Console::warn(const std::string& text) const {
  if (!json) write_error(with_newline("nacre: warning: " + text));
}

int Console::fail(int code, const std::string& text) const {
  if (json && !output_was_closed) {
    print("", {{"error", text}, {"exit_code", code}});
  } else {
    write_error(with_newline("nacre: " + text));
  }
  return code;
}

Failure failure_of(const std::exception& error) {
  if (dynamic_cast<const ValueError*>(&error)) return {kUsage, error.what()};
  if (dynamic_cast<const Error*>(&error)) return {kFailed, error.what()};
  if (dynamic_cast<const std::bad_alloc*>(&error)) {
    return {kFailed,
            "out of memory\n  hint: a smaller batch (--batch-size), smaller pictures or a smaller "
            "model"};
  }
  if (const auto* e = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    std::string where = e->path1().string();
    if (!e->path2().empty()) where += " to " + e->path2().string();
    return {kFailed, (where.empty() ? "" : where + ": ") + e->code().message()};
  }
  return {kFailed, fmt::format("something that should not happen: {}\n  hint: this is a mistake of "
                               "the program, please report it",
                               error.what())};
}

std::string table(const std::vector<std::vector<std::string>>& rows,
                  const std::vector<bool>& right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(printable(row[i])));
    }
  }
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const std::string cell = printable(rows[r][i]);
      const std::string pad(widths[i] - display_width(cell), ' ');
      const bool to_right = i < right.size() && right[i];
      line += (i ? "  " : "") + (to_right ? pad + cell : cell + pad);
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
