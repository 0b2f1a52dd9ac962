// Weights of any module as a safetensors file under PyTorch-style names.
#pragma once

#include <filesystem>

#include "nacre/io/safetensors.h"
#include "nacre/nn/module.h"

namespace nacre::io {

// Writes parameters and buffers. Throws IoError, and ValueError for a module without any (its
// layers were never called).
void save_weights(const std::filesystem::path& path, const nn::NamedVariables& state,
                  const Metadata& metadata = {});
template <nn::VisitableModule M>
void save_weights(const std::filesystem::path& path, M& module, const Metadata& metadata = {}) {
  save_weights(path, nn::state(module), metadata);
}

// The tensors of a safetensors file by name, as nn::load_state takes them. Throws IoError.
nn::StateMap read_weights(const std::filesystem::path& path);

// Sets a module's variables from a file; layers that were not called yet take their sizes from it.
// Throws as nn::load_state does, and IoError.
template <nn::VisitableModule M>
void load_weights(const std::filesystem::path& path, M& module, bool strict = true) {
  nn::load_state(module, read_weights(path), strict);
}

}  // namespace nacre::io
