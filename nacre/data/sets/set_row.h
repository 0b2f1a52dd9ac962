// What is known of a named data set, all of it in one file of this folder: where it comes from, its
// files with their checksums, and how it is read. catalogue.cpp lists them.
#pragma once

#include "nacre/data/sets/fetch.h"
#include "nacre/data/sets/named.h"

namespace nacre::data {

struct SetRow {
  SetDescription description;
  // Reads it from the folder of its files (of none: inside the library).
  NamedSet (*load)(const std::filesystem::path& folder);
  std::vector<RemoteFile> files = {};
  // Any of these, below a folder, shows that its files are there.
  std::vector<std::string> witnesses = {};
  std::string debian_package = {};  // that holds the files, if one does,
  std::string package_folder = {};  // and where it puts them
};

#define NACRE_SET(name) const SetRow& name##_set();
#include "nacre/data/sets/sets.def"
#undef NACRE_SET

// Throws ValueError on an unknown name, suggesting the nearest one.
const SetRow& set_row(const std::string& name);

// The words by which a picture of the user becomes one like those of a set: see Preprocess.
std::string picture_form(int channels, std::int64_t size);
// "0" ... "9".
std::vector<std::string> digit_names();

}  // namespace nacre::data
