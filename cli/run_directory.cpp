#include "cli/run_directory.h"

#include <fmt/format.h>

#include <fstream>

#include "nacre/base/error.h"

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

std::string read_text(const fs::path& path) {
  constexpr std::uintmax_t kMost = 256u << 20;
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) throw IoError(path.string() + ": cannot be read");
  if (size > kMost) throw IoError(path.string() + ": longer than 256 MiB");
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

nlohmann::json read_json(const fs::path& path) {
  nlohmann::json value = nlohmann::json::parse(read_text(path), nullptr, false);
  if (value.is_discarded()) throw IoError(path.string() + ": not JSON");
  return value;
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
  return recipe_from_json(read_text(config_path(file_or_run)));
}

}  // namespace nacre::cli
