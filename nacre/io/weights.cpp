#include "nacre/io/weights.h"

#include "nacre/base/error.h"

namespace nacre::io {

void save_weights(const std::filesystem::path& path, const nn::NamedVariables& state,
                  const Metadata& metadata) {
  if (state.empty()) {
    throw ValueError("save_weights: the module has no variables yet for " + path.string() +
                     "\n  hint: layers make theirs at the first call; call it once, or give sizes");
  }
  NamedTensors tensors;
  for (const nn::NamedVariable& v : state) tensors.push_back({v.name, v.cell->value});
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  save_safetensors(path, tensors, metadata);
}

nn::StateMap read_weights(const std::filesystem::path& path) {
  nn::StateMap values;
  for (NamedTensor& t : load_safetensors(path).tensors) {
    values.emplace(std::move(t.name), std::move(t.tensor));
  }
  return values;
}

}  // namespace nacre::io
