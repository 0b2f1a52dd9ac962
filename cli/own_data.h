// The user's own files as data: a table, texts, or a folder of pictures or sounds.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/recipe.h"
#include "nacre/data/files/folder.h"
#include "nacre/data/preprocess.h"

namespace nacre::cli {

// What its user should know of the data.
struct Findings {
  std::vector<std::string> notes;     // what it was taken for
  std::vector<std::string> warnings;  // what may not be meant
};

// Data that is divided before it is encoded, so that means, categories and vocabularies are learned
// from the training part alone.
class OwnData {
 public:
  // Reads what the recipe's path means: a folder with a folder of pictures, sounds or texts for
  // each class (perhaps within train, val and test), a folder of sounds "CLASS_anything.wav", a
  // .txt file of lines "class, tab, text", or else a table. preprocessing: how it was encoded
  // before (JSON), to do the same; empty: to be found out. Throws IoError and ValueError.
  explicit OwnData(const DataRecipe& recipe, const std::string& preprocessing = {});
  ~OwnData();

  // To be divided further. The samples of tables and texts are only their numbers, with the target.
  const data::Parts& parts() const { return parts_; }
  // Makes samples of numbers, as the training part teaches or, where it is given, as the
  // preprocessing (JSON) says. Returns the size of the vocabulary, 0 for what has none. `unseen`
  // gets a line for each column with categories that the training part does not have.
  std::int64_t encode(data::Dataset& train, data::Dataset& validation, data::Dataset& test,
                      const std::string& preprocessing = {},
                      std::vector<std::string>* unseen = nullptr) const;

  // What was found while reading.
  const Findings& findings() const { return findings_; }

  struct Undivided;  // a table or texts

 private:
  data::Parts parts_;
  std::unique_ptr<const Undivided> undivided_;
  Findings findings_;
};

// The files of a folder that OwnData reads, in the order of their names.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder);
// Whether a path means a table: a file that is no .txt.
bool is_table(const std::filesystem::path& path);
// The table of a recipe's path, with its types and missing words. Throws IoError and ValueError, or
// notes what can be passed over in `problems`: see data::CsvOptions.
data::Table read_table(const DataRecipe& recipe, std::vector<std::string>* problems = nullptr);

// Another file or folder, read as a model was taught to: with its columns, sizes, vocabulary,
// classes. `warnings` gets what of it the model does not know. Throws IoError when the classes are
// others.
data::Dataset read_as(const data::Preprocess& form, const std::vector<std::string>& class_names,
                      const std::string& path, std::vector<std::string>* warnings = nullptr);

}  // namespace nacre::cli
