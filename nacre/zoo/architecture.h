// Architectures as JSON lists of layers: what a recipe writes and a model file keeps.
//
//   [{"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
//    {"type": "max_pool2d"}, {"type": "flatten"}, {"type": "dense", "units": 10}]
#pragma once

#include <string>
#include <vector>

#include "nacre/nn/sequential.h"
#include "nacre/zoo/task.h"

namespace nacre::zoo {

// Builds the network. Throws ValueError that names the layer's number, and the nearest known word,
// for an unknown type or key or a value of the wrong kind.
nn::Sequential build(const std::string& layers_json);
// The inverse for a Sequential (nested ones too) or a single layer: JSON that builds it again,
// without its weights. Throws ValueError that names the layer for modules, functions and
// activations of the program's own.
std::string describe(nn::Layer& network);

struct ModelDescription {
  std::string name;  // "cnn"
  std::string what;  // one line
};
// The named models.
const std::vector<ModelDescription>& models();

// What a named model is to fit.
struct ModelNeeds {
  Spec input;                   // of one sample
  std::int64_t outputs = 0;     // values
  std::int64_t vocabulary = 0;  // of tokens
  Task task = Task::classification;
  // Of models of language; 0: the model's own.
  std::int64_t blocks = 0;
  std::int64_t heads = 0;
  std::int64_t width = 0;
  double dropout = 0;
};

// The layers of a named model. "auto" chooses by the task and the input: "gpt" for language, "cnn"
// for pictures of at least 12 x 12, "text" for tokens, "mlp" else. The last layer gives logits (or
// plain values). Throws ValueError for an unknown name, an input that does not fit, or sizes that
// the model does not have.
std::string layers_of(const std::string& model, const ModelNeeds& needs);
// The same for the usual ones.
inline std::string layers_of(const std::string& model, const Spec& input, std::int64_t outputs,
                             std::int64_t vocabulary = 0) {
  return layers_of(model, {.input = input, .outputs = outputs, .vocabulary = vocabulary});
}

}  // namespace nacre::zoo
