// Checkpoints: the whole state of a training run, saved so that a kill at any moment leaves the
// last good one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nacre/io/safetensors.h"

namespace nacre::io {

struct Checkpoint {
  std::int64_t step = 0;
  NamedTensors tensors = {};  // weights, optimiser moments, random state, position, ...
  std::string source = {};    // the file it was read from
};

// One file, written atomically, with a checksum over all tensors.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
// Throws IoError when the file is damaged (the checksum is checked) or something else.
Checkpoint load_checkpoint(const std::filesystem::path& path);

// A folder of checkpoints "step-000000001200.checkpoint", of which the last few are kept.
class CheckpointFolder {
 public:
  // Throws ValueError when keep < 1. The folder is made by the first save.
  explicit CheckpointFolder(std::filesystem::path folder, int keep = 3);

  // Saves, then removes the oldest beyond `keep` and what killed runs left half-written. A later
  // step than this one (of a run that was set back) is removed as well.
  void save(const Checkpoint& checkpoint) const;
  // The steps there are checkpoints of, in ascending order.
  std::vector<std::int64_t> steps() const;
  std::filesystem::path path_of(std::int64_t step) const;
  Checkpoint load(std::int64_t step) const;
  // The newest that can be read, or nothing when the folder has none. Damaged ones are passed over
  // and their errors told in `problems`; throws the last error when all are damaged.
  std::optional<Checkpoint> load_latest(std::vector<std::string>* problems = nullptr) const;

 private:
  std::filesystem::path folder_;
  int keep_;
};

}  // namespace nacre::io
