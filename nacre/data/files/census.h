// What lies in a folder: which kind of data it is, and what of it is of no use for that.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace nacre::data {

enum class FileKind { picture, sound, text, other };

// By the extension, whatever its case.
FileKind file_kind(const std::filesystem::path& file);
// Those that are read: ".png", ...; none for other.
const std::vector<std::string>& extensions_of(FileKind kind);

struct Census {
  struct Part {
    std::int64_t files = 0;
    std::filesystem::path example = {};  // the first by name, from the folder on
  };
  std::array<Part, 4> parts;        // by FileKind
  FileKind kind = FileKind::other;  // that of most files, not counting other ones
  // What is left out when the folder is read as this kind: "3 texts (a/notes.txt, ...), 1 other
  // file (Thumbs.db)", or "".
  std::string left_out() const;
};

// Counts all files below a folder by kind; names that begin with a dot are passed over, links are
// followed. Throws IoError when it cannot be listed, has no files of a known kind, or as many of
// one kind as of another.
Census take_census(const std::filesystem::path& folder);

// The files of one kind below a folder, by name. Throws IoError when it cannot be listed.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder, FileKind kind);

// The entries of a folder by name, without those that begin with a dot. Throws IoError.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);
// Whether it is a folder, or a link to one. Throws IoError for what is neither folder nor regular
// file (a pipe, a link that leads nowhere), and for what cannot be looked at.
bool is_folder(const std::filesystem::path& entry);

// Folders below folders; deeper, a link leads back.
constexpr int kDeepest = 32;

}  // namespace nacre::data
