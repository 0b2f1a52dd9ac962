// Architectures as JSON lists of layers: what a recipe writes and a model file keeps.
//
//   [{"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
//    {"type": "max_pool2d"}, {"type": "flatten"}, {"type": "dense", "units": 10}]
#pragma once

#include <string>
#include <vector>

#include "nacre/nn/sequential.h"

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

// The layers of a named model for samples of `input` (without the batch axis) and `outputs` values.
// "auto" chooses by the input: "cnn" for pictures of at least 12 x 12, "text" for numbers of tokens
// (of which there are `vocabulary`), "mlp" else. The last layer gives logits (or plain values).
// Throws ValueError for an unknown name or an input that does not fit.
std::string layers_of(const std::string& model, const Spec& input, std::int64_t outputs,
                      std::int64_t vocabulary = 0);

}  // namespace nacre::zoo
