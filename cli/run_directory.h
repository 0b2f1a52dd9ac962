// The folder of a run: what was asked, how it went, and what came out.
//
//   .lock             who works in the run just now (base/durable.h)
//   config.json       the recipe, complete
//   setup.json        the division of the data, its encoder and classes, the layers (run_setup.h)
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

namespace nacre::cli {

// runs/<stem>-<n> with the first n that is free; the folder is made.
std::filesystem::path new_run_directory(const std::string& stem);

// The model file that a user means: a file as it is, or the best one of a run directory.
std::filesystem::path model_path(const std::string& file_or_run);
// The run that a model file is in: its folder.
std::filesystem::path run_of(const std::string& file_or_run);

}  // namespace nacre::cli
