// What MNIST and the sets made in its form share: four IDX files of 28x28 grey pictures.
#pragma once

#include "nacre/data/sets/fetch.h"
#include "nacre/data/sets/named.h"

namespace nacre::data {

// Throws IoError for files that are missing, of another form, or do not fit each other.
NamedSet load_idx_pictures(const std::string& name, std::vector<std::string> classes,
                           const std::filesystem::path& folder);
// One of the files, below each of `folders`.
RemoteFile idx_file(const char* file, std::uint64_t bytes, const char* sha256,
                    std::vector<std::string> folders);
// A file by which the set is recognised, plain and packed.
std::vector<std::string> idx_witnesses();

}  // namespace nacre::data
