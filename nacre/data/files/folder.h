// Folders of files, one subfolder a class.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "nacre/data/dataset.h"

namespace nacre::data {

// Files and their classes, in the order of class names and then file names.
struct LabelledFiles {
  std::vector<std::filesystem::path> files;
  std::vector<std::int64_t> labels;
  std::vector<std::string> class_names;
  std::vector<std::string> warnings = {};  // what of the folder may not be meant so
};

// All files below FOLDER/CLASS whose extension (in lower case, with the dot) is one of these.
// Names that begin with a dot are passed over; bytes of a folder's name that are no UTF-8 are \xNN
// in the class's name. class_names: those of another part of the same set, which then fix the
// numbers. warnings: folders without such files, files beside the folders of classes, folders
// within them. Throws IoError when the folder is missing, holds no such files, pipes or other
// things that are no files, or has a class that is not among class_names.
LabelledFiles list_classes(const std::filesystem::path& folder,
                           const std::vector<std::string>& extensions,
                           const std::vector<std::string>& class_names = {});
// Files side by side in one folder, whose class is the name up to the first '_'
// ("7_jackson_3.wav").
LabelledFiles list_prefixes(const std::filesystem::path& folder,
                            const std::vector<std::string>& extensions);

// One sample a file, read when asked for: input `decode(file)`, target its class, i64 [].
Dataset file_set(LabelledFiles files, std::function<Tensor(const std::filesystem::path&)> decode,
                 Info info);

// The parts of a set. Empty where there is no such folder.
struct Parts {
  Dataset train;
  Dataset validation;
  Dataset test;
  std::vector<std::string> warnings = {};
};
// The folders of train, validation ("val", "valid", "validation") and test, in capitals or not;
// empty paths where they are missing. Without a train folder the folder itself is the train part;
// throws IoError when it has one of the others nevertheless, or two for one part.
struct PartFolders {
  std::filesystem::path train;
  std::filesystem::path validation;
  std::filesystem::path test;
  std::string left_out = {};  // other folders beside train: "cats, dogs", or ""
};
PartFolders find_parts(const std::filesystem::path& folder);

}  // namespace nacre::data
