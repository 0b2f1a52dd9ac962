// Zip archives (PKWARE's APPNOTE), as far as NPZ needs them: stored and deflated entries, Zip64.
#pragma once

#include <string>
#include <vector>

#include "nacre/base/file.h"

namespace nacre::data {

struct ZipEntry {
  std::string name;
  std::string contents;
};

// Unpacks all entries, in their order in the file, checking sizes and CRC-32 of each. Throws
// IoError naming `file` and the entry, also for entries that overlap or share a name, and for more
// than most_unpacked (base/input.h) in all.
std::vector<ZipEntry> read_zip(Bytes bytes, const std::string& file);
// The bytes of an archive; deflated when `compress`. Throws ValueError beyond 4 GiB, 65535
// entries or names of 65535 bytes, where Zip64 would begin.
std::string zip_of(const std::vector<ZipEntry>& entries, bool compress);

}  // namespace nacre::data
