// The folder of a run: what was asked, how it went, and what came out.
//
//   config.json       the recipe, complete
//   environment.json  machine and versions
//   history.jsonl     one line an epoch
//   checkpoints/      the last states to resume from
//   best.safetensors  the weights with the best validation value
//   model.safetensors the final model, ready for `nacre predict`
//   evaluation.json   the test set: metrics, confusion matrix, worst mistakes
//   report.html       by `nacre report`
#pragma once

#include <filesystem>
#include <string>

#include "cli/recipe.h"

namespace nacre::cli {

// runs/<stem>-<n> with the first n that is free; the folder is made.
std::filesystem::path new_run_directory(const std::string& stem);

// Written beside and renamed. Throws IoError.
void write_text(const std::filesystem::path& path, const std::string& text);

// The model file that a user means: a file as it is, or the best one of a run directory.
std::filesystem::path model_path(const std::string& file_or_run);
// Where the recipe of a model file or run directory is, if it has one.
std::filesystem::path config_path(const std::string& file_or_run);
// The recipe of the run that a model file belongs to; throws IoError when there is none or it is
// damaged.
Recipe recipe_of(const std::string& file_or_run);

}  // namespace nacre::cli
