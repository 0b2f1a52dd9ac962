#include "cli/run_directory.h"

#include <fmt/format.h>

#include <fstream>

#include "nacre/base/error.h"
#include "nacre/base/file.h"
#include "nacre/base/json.h"

namespace nacre::cli {

namespace fs = std::filesystem;

fs::path new_run_directory(const std::string& stem) {
  fs::create_directories("runs");
  for (int n = 1; n < 100000; ++n) {
    const fs::path path = fs::path("runs") / fmt::format("{}-{}", stem, n);
    if (fs::create_directory(path)) return path;
  }
  throw IoError("runs: no free name for " + stem);
}

void write_text(const fs::path& path, const std::string& text) {
  const fs::path beside = path.string() + ".part";
  {
    std::ofstream file(beside, std::ios::binary);
    file << text;
    if (!file.flush()) throw IoError(beside.string() + ": cannot be written");
  }
  fs::rename(beside, path);
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

fs::path config_path(const std::string& file_or_run) {
  const fs::path path = file_or_run;
  return (fs::is_directory(path) ? path : path.parent_path()) / "config.json";
}

Recipe recipe_of(const std::string& file_or_run) {
  const fs::path path = config_path(file_or_run);
  return recipe_from_json(read_file(path, JsonLimits{}.bytes), path.string());
}

}  // namespace nacre::cli
