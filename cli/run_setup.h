// What a run derived from its data and recipe when it began. It is kept as setup.json in the run
// and used again by `train --resume` and `eval`, never derived afresh: from other rows another
// division would follow, and what the model was trained on would be called a test.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/setup.h"

namespace nacre::cli {

struct RunSetup {
  Recipe recipe;            // as the run began
  std::string fingerprint;  // of the data: see fingerprint_of
  std::string nearby;       // where the data is, seen from the run's folder
  Learned learned;
  std::string layers;  // JSON
};

// A SHA-256 of all that the samples, their order and their classes depend on: of a file its bytes,
// of a folder the names and bytes of the files that are read, of a named set its labels and class
// names. Throws IoError when the data is not there.
std::string fingerprint_of(const DataRecipe& data);

// The setup of a run that begins now; recipe.data.path is absolute.
RunSetup make_run_setup(const Recipe& recipe, const Setup& setup, const std::string& layers,
                        const std::filesystem::path& run);
std::string to_json(const RunSetup& setup);
// Reads setup.json of a run. Throws IoError when it is missing or damaged.
RunSetup read_run_setup(const std::filesystem::path& run);
// The same from its text; `name` is for errors.
RunSetup run_setup_from_json(const std::string& text, const std::string& name);

// The data of a run as it was divided and encoded when the run began. When the folder of the run
// was moved along with its data, that is found as well. Throws IoError when the data has changed.
Setup open_run_data(const RunSetup& setup, const std::filesystem::path& run);

// Throws ValueError when a key differs that is fixed once a run has begun.
void expect_unchanged(const Recipe& before, const Recipe& now);

}  // namespace nacre::cli
