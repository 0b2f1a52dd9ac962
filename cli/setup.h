// From a recipe to the things it names: data, network, optimiser, loss, metrics.
#pragma once

#include <string>
#include <vector>

#include "cli/recipe.h"
#include "nacre/data/dataset.h"
#include "nacre/train/model.h"

namespace nacre::cli {

struct Setup {
  data::Dataset train, validation, test;
  data::Info info;
  Spec input;  // of one sample
  bool classifies = true;
  std::int64_t outputs = 0;  // classes, or values
};

// Opens the data of a recipe and divides it. Throws ValueError or IoError with what to do.
Setup open_data(const DataRecipe& recipe, std::uint64_t seed);

// Only the test part, for `eval` and `predict`.
data::Dataset open_test_data(const DataRecipe& recipe, std::uint64_t seed, data::Info& info);

// The layers (JSON) that a recipe means for this data.
std::string layers_for(const ModelRecipe& recipe, const Setup& setup);

// The network with optimizer, loss and metrics.
Model make_model(const Recipe& recipe, const std::string& layers, bool classifies,
                 std::int64_t steps);

// The training batches, with augmentation.
data::Loader training_batches(const Recipe& recipe, const Setup& setup);

}  // namespace nacre::cli
