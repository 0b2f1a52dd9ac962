// A trained model as one safetensors file that needs no other: weights under PyTorch-style names,
// everything else as texts in its metadata.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nacre/io/safetensors.h"

namespace nacre::io {

struct ModelFile {
  NamedTensors weights = {};
  std::string architecture = {};   // JSON: how to build the model again
  std::string preprocessing = {};  // JSON: data::Preprocess; may be empty
  std::vector<std::string> class_names = {};
  // Anything else, under keys of its own ("training", "made with", ...).
  Metadata extra = {};
};

// Replaces the file atomically. Throws ValueError when an `extra` key is one of those that hold the
// other members, architecture or preprocessing is neither empty nor JSON, a class name is not
// UTF-8, or load_model_file would refuse them for their size or depth.
void save_model_file(const std::filesystem::path& path, const ModelFile& model);
// Throws IoError when the file is not one that save_model_file wrote, or is newer than this
// program.
ModelFile load_model_file(const std::filesystem::path& path);
ModelFile parse_model_file(Bytes bytes, const std::string& name);

}  // namespace nacre::io
