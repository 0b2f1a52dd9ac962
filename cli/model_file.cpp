#include "cli/model_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/run_directory.h"

namespace nacre::cli {

zoo::SavedModel load_model(const std::string& file_or_run, const Console& console) {
  const std::filesystem::path path = model_path(file_or_run);
  zoo::SavedModel saved = zoo::load_model(path);
  for (const std::string& warning : saved.warnings) console.warn(path.string() + ": " + warning);
  return saved;
}

void check_shape(const Shape& sample, const zoo::SavedModel& saved, const std::string& name) {
  if (sample == saved.input.shape) return;
  throw ShapeError(fmt::format("{}: the model takes samples of shape {}, these are {}", name,
                               to_string(saved.input.shape), to_string(sample)));
}

}  // namespace nacre::cli
