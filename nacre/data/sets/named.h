// Data sets by name: two inside the library, one of a Debian package, the others fetched once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nacre/data/dataset.h"

namespace nacre::data {

// A set with its usual parts. Samples: one input, f32, pictures [channels, height, width] in [0,
// 1]; one target, i64 class index [].
struct NamedSet {
  Dataset train;
  Dataset test;
};

// What `nacre data list` prints.
struct SetDescription {
  std::string name;
  std::string what;    // one line
  std::string source;  // where it comes from
  std::string licence;
  std::int64_t train = 0;  // samples
  std::int64_t test = 0;
  std::int64_t classes = 0;
  bool fetched = false;  // has files to download; false: inside the library
};

// All sets that load() knows, in the order of sets.def.
const std::vector<SetDescription>& named_sets();
// Throws ValueError on an unknown name, suggesting the nearest one.
const SetDescription& describe(const std::string& name);

// Where fetched sets are kept: $NACRE_DATA, else $XDG_CACHE_HOME/nacre, else ~/.cache/nacre.
std::filesystem::path cache_folder();
// The folder that holds the files of a set, or an empty path: the cache folder or where a Debian
// package puts them.
std::filesystem::path find_set(const std::string& name);

// Loads a set. Throws ValueError on an unknown name; IoError when its files are not there (the text
// says how to get them) or are damaged.
NamedSet load(const std::string& name);
// The same from files in this folder.
NamedSet load_from(const std::string& name, const std::filesystem::path& folder);

}  // namespace nacre::data
