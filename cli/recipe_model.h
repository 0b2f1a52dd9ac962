// From a recipe to its model: network, optimizer, loss, metrics, precision.
#pragma once

#include <cstdint>
#include <string>

#include "cli/recipe.h"
#include "cli/setup.h"
#include "nacre/train/model.h"

namespace nacre::cli {

// The layers (JSON) that a recipe means for this data; sizes called "outputs" and "vocabulary" in
// it are the data's. They end in logits: a softmax at the end of the user's own list is left out,
// the loss and the prediction apply it. Where targets are standardised a layer "rescaling" follows
// that gives values in their own unit.
std::string layers_for(const ModelRecipe& recipe, const Setup& setup);

// Throws ValueError unless `network` gives as many values as the data has classes or values.
void check_outputs(const nn::Summary& network, const Setup& setup);

// The network with optimizer, loss and metrics. A last layer "rescaling" is undone in the loss, not
// in the metrics: the loss has no unit, the metrics have that of the targets. Throws ValueError for
// names that are not known or do not fit the task.
Model make_model(const Recipe& recipe, const std::string& layers, zoo::Task task,
                 std::int64_t steps);

// What a recipe's precision means, and what it comes to on this machine, with the reason.
Precision precision_of(const TrainRecipe& recipe);
std::string precision_text(const TrainRecipe& recipe);

}  // namespace nacre::cli
