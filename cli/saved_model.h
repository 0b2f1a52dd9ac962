// A model file and what it needs to be used again.
#pragma once

#include <filesystem>

#include "nacre/data/batch_source.h"
#include "nacre/train/model.h"

namespace nacre::cli {

struct SavedModel {
  Model model;
  std::string layers;  // JSON
  Spec input;          // of one sample
  bool classifies = true;
  data::Info info;  // class names
};

void save_model(const std::filesystem::path& path, Model& model, const std::string& layers,
                const Spec& input, bool classifies, const data::Info& info);
// Throws IoError when the file is not a model of this program.
SavedModel load_model(const std::filesystem::path& path);

}  // namespace nacre::cli
