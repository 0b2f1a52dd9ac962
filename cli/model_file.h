// A trained model, as commands take it: a file, or the directory of a run.
#pragma once

#include <string>

#include "cli/console.h"
#include "nacre/zoo/saved_model.h"

namespace nacre::cli {

// With the warnings about it, which --json puts into the answer instead.
zoo::SavedModel load_model(const std::string& file_or_run, const Console& console);
// Throws ShapeError that names both unless the model takes samples of this shape.
void check_shape(const Shape& sample, const zoo::SavedModel& saved, const std::string& name);

}  // namespace nacre::cli
