#include "nacre/io/model_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"

namespace nacre::io {
namespace {

using Json = nlohmann::json;

// "format" is "pt" for the sake of Python loaders that look at it.
constexpr const char* kOwnKeys[] = {"format", "nacre.version", "nacre.architecture",
                                    "nacre.preprocessing", "nacre.class_names"};
constexpr int kVersion = 1;

// What the reader would refuse, the writer refuses.
void expect_json(const char* what, const std::string& text) {
  if (text.empty()) return;
  try {
    parse_json(text, what);
  } catch (const IoError& e) {
    throw ValueError(std::string("save_model_file: ") + e.what());
  }
}

std::string take(Metadata& metadata, const char* key) {
  const auto node = metadata.extract(key);
  return node.empty() ? std::string() : node.mapped();
}

ModelFile from_tensor_file(TensorFile file) {
  const std::string version = take(file.metadata, "nacre.version");
  if (version.empty()) {
    throw_io(file.source, "it holds tensors, but no model that Nacre has saved",
             "load the weights with load_safetensors and put them into a model of your own");
  }
  if (version != std::to_string(kVersion)) {
    throw_io(file.source, fmt::format("model format {}, this program knows {}", version, kVersion),
             "use a newer program");
  }
  ModelFile model;
  model.weights = std::move(file.tensors);
  model.architecture = take(file.metadata, "nacre.architecture");
  model.preprocessing = take(file.metadata, "nacre.preprocessing");
  const std::string source = file.source + ": class names";
  const Json names = parse_json(take(file.metadata, "nacre.class_names"), source);
  model.class_names = JsonView(names, source).texts();
  take(file.metadata, "format");
  model.extra = std::move(file.metadata);
  return model;
}

}  // namespace

void save_model_file(const std::filesystem::path& path, const ModelFile& model) {
  expect_json("architecture", model.architecture);
  expect_json("preprocessing", model.preprocessing);
  Metadata metadata = model.extra;
  for (const char* key : kOwnKeys) {
    if (metadata.contains(key)) {
      throw ValueError(fmt::format("save_model_file: the key \"{}\" is Nacre's own", key));
    }
  }
  metadata["format"] = "pt";
  metadata["nacre.version"] = std::to_string(kVersion);
  metadata["nacre.architecture"] = model.architecture;
  metadata["nacre.preprocessing"] = model.preprocessing;
  metadata["nacre.class_names"] = json_text(model.class_names, "save_model_file: class names");
  save_safetensors(path, model.weights, metadata);
}

ModelFile load_model_file(const std::filesystem::path& path) {
  return from_tensor_file(load_safetensors(path));
}

ModelFile parse_model_file(Bytes bytes, const std::string& name) {
  return from_tensor_file(parse_safetensors(bytes, name));
}

}  // namespace nacre::io
