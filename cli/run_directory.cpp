#include "cli/run_directory.h"

#include <fmt/format.h>

#include "nacre/base/durable.h"
#include "nacre/base/error.h"

namespace nacre::cli {

namespace fs = std::filesystem;

fs::path new_run_directory(const std::string& stem) {
  make_folders("runs");
  for (int n = 1; n < 100000; ++n) {
    const fs::path path = fs::path("runs") / fmt::format("{}-{}", stem, n);
    std::error_code error;
    if (fs::create_directory(path, error)) return path;
    if (error) throw IoError(path.string() + ": cannot make the folder: " + error.message());
  }
  throw IoError("runs: no free name for " + stem);
}

fs::path model_path(const std::string& file_or_run) {
  const fs::path path = file_or_run;
  if (!fs::is_directory(path)) {
    if (!fs::exists(path)) throw IoError(file_or_run + ": no such model file or run directory");
    return path;
  }
  for (const char* name : {"best.safetensors", "model.safetensors"}) {
    if (fs::exists(path / name)) return path / name;
  }
  throw IoError(file_or_run + ": holds no model yet; was the run stopped before its first epoch?");
}

fs::path run_of(const std::string& file_or_run) {
  const fs::path path = file_or_run;
  return fs::is_directory(path) ? path : path.parent_path();
}

}  // namespace nacre::cli
