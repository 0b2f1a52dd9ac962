#include "nacre/zoo/saved_model.h"

#include <nlohmann/json.hpp>

#include "nacre/io/model_file.h"
#include "nacre/nn/api.h"
#include "nacre/train/model_impl.h"
#include "nacre/zoo/architecture.h"

namespace nacre {
namespace zoo {

using Json = nlohmann::json;

void save_model(const std::filesystem::path& path, Model& model, const Spec& input, bool classifies,
                const data::Info& info) {
  const Json architecture{{"layers", Json::parse(describe(model.network()))},
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
  SavedModel saved{.model = Model(build(layers)),
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

bool gives_probabilities(nn::Layer& network) {
  nn::Layer* last = &network;
  while (auto* list = last->get_if<nn::Sequential>()) {
    if (list->size() == 0) return false;
    last = &(*list)[list->size() - 1];
  }
  if (auto* dense = last->get_if<nn::Dense>()) {
    return dense->options().activation.name() == "softmax";
  }
  if (auto* activation = last->get_if<nn::ActivationLayer>()) {
    return activation->function().name() == "softmax";
  }
  return false;
}

}  // namespace zoo

void Model::save(const std::filesystem::path& path) {
  const std::string loss = impl_->heads.empty() ? "" : impl_->heads[0].loss.name();
  const bool classifies = loss.find("categorical") != std::string::npos || loss == "nll";
  zoo::save_model(path, *this, impl_->sample, classifies, impl_->info);
}

Model Model::load(const std::filesystem::path& path) {
  return std::move(zoo::load_model(path).model);
}

}  // namespace nacre
