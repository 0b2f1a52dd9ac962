// From a recipe to the things it names: data, network, optimiser, loss, metrics.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/own_data.h"
#include "cli/recipe.h"
#include "nacre/data/dataset.h"
#include "nacre/train/model.h"

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
  bool classifies = true;
  std::int64_t outputs = 0;     // classes, or values
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

// What the user should be warned of: what was found in the files, and what training does not teach.
std::vector<std::string> warnings_of(const Setup& setup);

// Opens the data of a recipe, divides it and learns from its training part how to encode it. Throws
// ValueError or IoError with what to do.
Setup open_data(const DataRecipe& recipe, std::uint64_t seed);
// The same data again, divided and encoded as it was then.
Setup open_data(const DataRecipe& recipe, const Learned& learned);

// The layers (JSON) that a recipe means for this data. They end in logits: a softmax at the end of
// the user's own list is left out, the loss and the prediction apply it. Where targets are
// standardised a layer "rescaling" follows that gives values in their own unit.
std::string layers_for(const ModelRecipe& recipe, const Setup& setup);

// Throws ValueError unless `network` gives as many values as the data has classes or values.
void check_outputs(const nn::Summary& network, const Setup& setup);

// The network with optimizer, loss and metrics. A last layer "rescaling" is undone in the loss, not
// in the metrics: the loss has no unit, the metrics have that of the targets. Throws ValueError for
// names that are not known or do not fit the task.
Model make_model(const Recipe& recipe, const std::string& layers, bool classifies,
                 std::int64_t steps);

// What a recipe's precision means, and what it comes to on this machine, with the reason.
Precision precision_of(const TrainRecipe& recipe);
std::string precision_text(const TrainRecipe& recipe);

// The training batches, with augmentation.
data::Loader training_batches(const Recipe& recipe, const Setup& setup);

}  // namespace nacre::cli
