// What is looked at in the folder of a run before anything there changes.
#pragma once

#include <filesystem>

#include "cli/console.h"
#include "cli/recipe.h"

namespace nacre::cli {

// Throws ValueError when a new run would write over another one.
void expect_no_run(const std::filesystem::path& run);
// Throws IoError when the run has results but no state to go on from, ValueError when it is further
// than it should get. `tells`: of checkpoints that are
// passed over.
void expect_checkpoint(const std::filesystem::path& run, const Recipe& recipe,
                       const Console& console, bool tells);

}  // namespace nacre::cli
