// Downloads of named sets, checked against sizes and checksums known beforehand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace nacre::data {

struct RemoteFile {
  std::vector<std::string> addresses;  // tried in order
  std::string file;                    // its name in the set's folder
  std::uint64_t bytes = 0;
  std::string sha256;
  bool unpack = false;  // a tar archive, whose files are wanted
};

// The files of a named set; empty for one inside the library. Throws ValueError on unknown names.
std::vector<RemoteFile> remote_files(const std::string& name);

// Told now and then: the file, bytes that are there, bytes in all.
using FetchProgress =
    std::function<void(const std::string& file, std::uint64_t done, std::uint64_t total)>;

// Downloads what is missing of a set into cache_folder()/NAME and returns that folder: from the
// original addresses, or from $NACRE_MIRROR/NAME/FILE where that is set (sizes and checksums are
// the same). What a broken download left is continued; where another process downloads the same
// file, this one waits for it. Throws IoError, saying plainly when the network is the reason or
// when what came has another size or checksum than expected (it is removed then).
std::filesystem::path fetch(const std::string& name, const FetchProgress& progress = {});
// One file to `target`.
void fetch_file(const RemoteFile& file, const std::filesystem::path& target,
                const FetchProgress& progress = {});

// Whether this program can download (built with NACRE_WITH_FETCH).
bool have_fetch();

}  // namespace nacre::data
