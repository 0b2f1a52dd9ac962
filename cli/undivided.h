// Data that is divided before it is encoded: kinds of it, behind OwnData.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/own_data.h"
#include "nacre/base/error.h"
#include "nacre/data/preprocess.h"

namespace nacre::cli {

// What the JSON of a run says of how its data is read.
template <class Form>
Form form_of(const std::string& preprocessing) {
  const auto read = data::Preprocess::from_json(preprocessing, "the run's preprocessing");
  if (const auto* form = std::get_if<Form>(&read.form())) return *form;
  throw IoError("the run's preprocessing: it is for another kind of data (" + read.kind() + ")");
}

// Rows of a table, texts, or lines of one text.
struct OwnData::Undivided {
  virtual ~Undivided() = default;
  // Replaces the parts, of these names and rows, by samples. Learns from the rows `train`, or takes
  // the form that is known; returns the size of the vocabulary.
  virtual std::int64_t encode(const std::vector<std::int64_t>& train,
                              std::vector<data::Dataset*> parts,
                              const std::vector<std::string>& names,
                              const std::vector<std::vector<std::int64_t>>& rows,
                              const std::string& known, std::vector<std::string>* unseen) const = 0;
};

// A table. What is found out about it goes into `findings`.
std::unique_ptr<OwnData::Undivided> open_table(const DataRecipe& recipe, data::Parts& parts,
                                               Findings& findings);
// FOLDER/CLASS/*.txt, or a file of lines "class, tab, text".
std::unique_ptr<OwnData::Undivided> open_texts(const DataRecipe& recipe, data::Parts& parts);
// Other texts, as a model was taught to read them. Throws IoError for another class.
data::Dataset read_texts_as(const data::TextEncoder& encoder,
                            const std::vector<std::string>& class_names, const std::string& path);
// Running text: its parts are numbers of lines, in a row where samples go from one line to the
// next.
std::unique_ptr<OwnData::Undivided> open_language(const DataRecipe& recipe, data::Parts& parts,
                                                  Findings& findings);

// What the kinds share.
data::Info named_info(std::string name, std::vector<std::string> class_names);
// Samples that are numbers of rows, with their targets.
data::Dataset numbered(const std::vector<std::int64_t>& rows, Tensors targets,
                       const data::Info& info);
// Throws IoError when there is one class only.
void expect_classes(const std::string& source, const std::vector<std::string>& names,
                    const std::string& hint);
inline constexpr const char* kFolderHint =
    "each class has a folder of its own; is one of the folders within meant?";

}  // namespace nacre::cli
