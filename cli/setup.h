// From a recipe to its data: opened, divided, encoded.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/own_data.h"
#include "cli/recipe.h"
#include "nacre/data/dataset.h"
#include "nacre/zoo/task.h"

namespace nacre::cli {

// Rising whole numbers as ranges, each the first and the last of numbers in a row. A few bytes of a
// file can name any number of samples: only those that the data has are ever counted.
using Ranges = std::vector<std::pair<std::int64_t, std::int64_t>>;
Ranges ranges_of(const std::vector<std::int64_t>& rising);

// Which samples are for what: numbers among the samples of the data's own training part, then its
// validation part, then its test part, where it has such parts. No sample is in two of them.
struct Division {
  Ranges train, validation, test;
};

struct Setup {
  data::Dataset train, validation, test;
  Division division;
  data::Info info;
  Spec input;  // of one sample
  zoo::Task task = zoo::Task::classification;
  std::int64_t outputs = 0;     // classes, values, or the tokens that may be next
  std::int64_t vocabulary = 0;  // of texts: the numbers that a token may be
  // Of the training targets of a regression, where they are to be standardised.
  double target_mean = 0;
  double target_deviation = 1;
  Findings findings;  // of the user's own files
  // What the training part did not teach and the others have: categories, classes.
  std::vector<std::string> unseen;
};

// What cannot be had from the data a second time for certain: what a run keeps (cli/run_setup.h).
struct Learned {
  Division division;
  std::vector<std::string> class_names;
  std::string preprocessing;  // JSON, or empty
  double target_mean = 0;
  double target_deviation = 1;
};

// What --data means: a set by name, else a file or folder. Throws ValueError when it is neither.
void set_data(DataRecipe& recipe, const std::string& given);

// What there is to predict: "10 classes".
std::string outputs_text(const Setup& setup);

// What the user should be warned of: what was found in the files, and what training does not teach.
std::vector<std::string> warnings_of(const Setup& setup);

// Opens the data of a recipe, divides it and learns from its training part how to encode it. Throws
// ValueError or IoError with what to do.
Setup open_data(const DataRecipe& recipe, std::uint64_t seed);
// The same data again, divided and encoded as it was then.
Setup open_data(const DataRecipe& recipe, const Learned& learned);

// The training batches, with augmentation.
data::Loader training_batches(const Recipe& recipe, const Setup& setup);

}  // namespace nacre::cli
