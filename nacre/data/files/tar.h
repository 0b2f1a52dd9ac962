// Tar archives (POSIX ustar, with GNU's and pax' long names), plain or gzip.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "nacre/base/input.h"

namespace nacre::data {

// Calls `visit` with the name of each regular file; when it returns a path, the file's contents go
// there (atomically). Throws IoError when the archive is damaged or cut off.
void unpack_tar(Input& input,
                const std::function<std::filesystem::path(const std::string&)>& visit);

// Unpacks all regular files below `folder`. Names that would lead outside it are an IoError.
void unpack_tar(const std::filesystem::path& archive, const std::filesystem::path& folder);

}  // namespace nacre::data
