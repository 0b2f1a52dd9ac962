#include "nacre/data/files/census.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "nacre/base/file.h"
#include "nacre/base/text.h"
#include "nacre/base/utf8.h"

namespace nacre::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array kKinds = {FileKind::picture, FileKind::sound, FileKind::text, FileKind::other};

std::size_t at(FileKind kind) { return static_cast<std::size_t>(kind); }

std::string counted(std::int64_t n, FileKind kind) {
  constexpr const char* one[] = {"picture", "sound", "text", "other file"};
  return fmt::format("{} {}{}", with_thousands(n), one[at(kind)], n == 1 ? "" : "s");
}

// Calls f for every file below.
void visit_files(const fs::path& folder, const std::function<void(const fs::path&)>& f,
                 int depth = 0) {
  if (depth > kDeepest) {
    throw_io(as_utf8(folder.string()), fmt::format("lies deeper than {} folders", kDeepest),
             "does a link lead back?");
  }
  for (const fs::path& entry : entries_of(folder)) {
    if (is_folder(entry)) {
      visit_files(entry, f, depth + 1);
    } else {
      f(entry);
    }
  }
}

}  // namespace

const std::vector<std::string>& extensions_of(FileKind kind) {
  static const std::array<std::vector<std::string>, 4> known = {
      {{".png", ".jpg", ".jpeg"}, {".wav", ".flac", ".ogg"}, {".txt"}, {}}};
  return known[at(kind)];
}

FileKind file_kind(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const FileKind kind : kKinds) {
    const auto& known = extensions_of(kind);
    if (std::find(known.begin(), known.end(), extension) != known.end()) return kind;
  }
  return FileKind::other;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) out.push_back(entry->path());
  }
  if (error) {
    throw_io(as_utf8(folder.string()), "cannot list the folder: " + error.message());
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool is_folder(const fs::path& entry) {
  std::error_code error;
  const fs::file_status status = fs::status(entry, error);
  if (status.type() == fs::file_type::directory) return true;
  if (status.type() == fs::file_type::regular) return false;
  const std::string name = as_utf8(entry.string());
  if (status.type() == fs::file_type::not_found) {
    throw_io(name, "a link that leads nowhere", "remove it, or what it means is missing");
  }
  if (error) throw_io(name, "cannot look at it: " + error.message());
  throw_io(name, status.type() == fs::file_type::fifo
                     ? "a file is expected, this is a pipe (FIFO)"
                     : "a file is expected, this is something else");
}

Census take_census(const fs::path& folder) {
  Census census;
  visit_files(folder, [&](const fs::path& file) {
    Census::Part& part = census.parts[at(file_kind(file))];
    if (part.files++ == 0) part.example = file.lexically_relative(folder);
  });
  std::int64_t files = census.parts[at(FileKind::other)].files;
  std::int64_t most = 0;
  for (const FileKind kind : {FileKind::picture, FileKind::sound, FileKind::text}) {
    const std::int64_t n = census.parts[at(kind)].files;
    files += n;
    if (n > most) {
      most = n;
      census.kind = kind;
    } else if (n == most && n > 0) {
      throw_io(as_utf8(folder.string()),
               fmt::format("{} and {}: which of them are the data?", counted(most, census.kind),
                           counted(n, kind)),
               "put them into folders of their own");
    }
  }
  if (most == 0) {
    throw_io(as_utf8(folder.string()),
             files == 0 ? "the folder has no files"
                        : "no pictures (.png, .jpg), sounds (.wav, .flac, .ogg) or texts (.txt) in "
                          "it");
  }
  return census;
}

std::vector<fs::path> files_below(const fs::path& folder, FileKind kind) {
  std::vector<fs::path> files;
  visit_files(folder, [&](const fs::path& file) {
    if (file_kind(file) == kind) files.push_back(file);
  });
  std::sort(files.begin(), files.end());
  return files;
}

std::string Census::left_out() const {
  std::string out;
  for (const FileKind other : kKinds) {
    const Part& part = parts[at(other)];
    if (other == kind || part.files == 0) continue;
    out += fmt::format("{}{} ({}{})", out.empty() ? "" : ", ", counted(part.files, other),
                       as_utf8(part.example.string()), part.files > 1 ? ", ..." : "");
  }
  return out;
}

}  // namespace nacre::data
