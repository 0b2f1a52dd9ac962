#include "cli/saved_model.h"

#include <nlohmann/json.hpp>

#include "nacre/io/model_file.h"
#include "nacre/zoo/architecture.h"

namespace nacre::cli {

using Json = nlohmann::json;

void save_model(const std::filesystem::path& path, Model& model, const std::string& layers,
                const Spec& input, bool classifies, const data::Info& info) {
  const Json architecture{{"layers", Json::parse(layers)},
                          {"input", input.shape.to_vector()},
                          {"input_dtype", std::string(name_of(input.dtype))},
                          {"task", classifies ? "classification" : "regression"}};
  io::ModelFile file{.architecture = architecture.dump(),
                     .preprocessing = info.preprocessing,
                     .class_names = info.class_names,
                     .extra = {{"dataset", info.name}}};
  for (const nn::NamedVariable& v : model.state()) file.weights.push_back({v.name, v.value()});
  io::save_model_file(path, file);
}

SavedModel load_model(const std::filesystem::path& path) {
  const io::ModelFile file = io::load_model_file(path);
  const Json architecture = Json::parse(file.architecture, nullptr, false);
  if (!architecture.is_object() || !architecture.contains("layers") ||
      !architecture.contains("input")) {
    throw IoError(path.string() + ": its architecture is not a list of layers");
  }
  const std::string layers = architecture.at("layers").dump();
  SavedModel saved{.model = Model(zoo::build(layers)),
                   .layers = layers,
                   .input = {architecture.value("input_dtype", "f32") == "i64" ? i64 : f32,
                             Shape(architecture.at("input").get<std::vector<std::int64_t>>())},
                   .classifies = architecture.value("task", "classification") == "classification",
                   .info = {}};
  saved.info.class_names = file.class_names;
  saved.info.preprocessing = file.preprocessing;
  if (const auto name = file.extra.find("dataset"); name != file.extra.end()) {
    saved.info.name = name->second;
  }
  nn::StateMap values;
  for (const io::NamedTensor& t : file.weights) values.emplace(t.name, t.tensor);
  saved.model.load_state(values);
  return saved;
}

}  // namespace nacre::cli
