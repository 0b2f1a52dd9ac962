// A finished model on the test data: metrics, confusion matrix, and what it got most wrong.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/setup.h"
#include "nacre/train/model.h"
#include "nacre/zoo/task.h"

namespace nacre::cli {

// {"metrics": {...}, "confusion": [[...]], "class_names": [...], "mistakes": [{png, truth, ...}],
// "texts": [what a model of a language writes]},
// within the bounds of cli/run_files.h: no confusion matrix beyond kMostConfusionClasses.
nlohmann::json judge(Model& model, const data::Dataset& test, const data::Info& info,
                     zoo::Task task, std::int64_t batch_size);

// The probabilities (or values) of the model for samples, f64 [n, outputs]: logits are squashed.
std::vector<std::vector<double>> outputs_of(Model& model, const Tensor& inputs, zoo::Task task,
                                            std::int64_t batch_size);

// Index and probability of the `top` most probable classes, the best first.
std::vector<std::pair<std::size_t, double>> top_classes(const std::vector<double>& probabilities,
                                                        int top);

// "name" of class i, or its number.
std::string class_name(const std::vector<std::string>& names, std::size_t i);

}  // namespace nacre::cli
