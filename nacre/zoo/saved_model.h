// A model file and what it needs to be used again. Model::save and Model::load (train/model.h) are
// defined with it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nacre/data/batch_source.h"
#include "nacre/io/safetensors.h"
#include "nacre/train/model.h"
#include "nacre/zoo/task.h"

namespace nacre::zoo {

struct SavedModel {
  Model model;
  std::string layers;  // JSON, see zoo/architecture.h
  Spec input;          // of one sample; rank 0: the file does not say
  Task task = Task::classification;
  data::Info info;  // class names, preprocessing
  // What a user should know before the model is used: weights that are not finite, for example.
  std::vector<std::string> warnings;
};

// Throws ValueError when the network cannot be described (see describe), IoError for the file.
void save_model(const std::filesystem::path& path, Model& model, const Spec& input, Task task,
                const data::Info& info);
// Throws IoError when the file is not a model of this program or its parts do not fit each other.
SavedModel load_model(const std::filesystem::path& path);

// A warning that names the first of the weights with NaN or infinity, or none.
std::vector<std::string> not_finite_in(const io::NamedTensors& weights);

// Whether the network's last layer already turns scores into probabilities.
bool gives_probabilities(nn::Layer& network);

}  // namespace nacre::zoo
