#include "nacre/zoo/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "nacre/base/text.h"
#include "nacre/nn/api.h"

namespace nacre::zoo {
namespace {

using Json = nlohmann::json;

// One layer of the list: reads keys with their type and notes which are known.
class LayerSpec {
 public:
  LayerSpec(const Json& json, std::size_t number) : json_(json), number_(number) {
    if (!json.is_object()) fail("must be a table such as {\"type\": \"dense\", \"units\": 10}");
    type_ = text("type", "");
    if (type_.empty()) fail("has no \"type\"");
  }

  const std::string& type() const { return type_; }
  std::int64_t whole(const char* key, std::int64_t fallback) {
    const Json* value = take(key);
    if (!value) return fallback;
    if (!value->is_number_integer()) fail(fmt::format("\"{}\" must be a whole number", key));
    return value->get<std::int64_t>();
  }
  std::int64_t needed(const char* key) {
    if (!json_.contains(key)) fail(fmt::format("needs \"{}\"", key));
    return whole(key, 0);
  }
  double number(const char* key, double fallback) {
    const Json* value = take(key);
    if (!value) return fallback;
    if (!value->is_number()) fail(fmt::format("\"{}\" must be a number", key));
    return value->get<double>();
  }
  bool flag(const char* key, bool fallback) {
    const Json* value = take(key);
    if (!value) return fallback;
    if (!value->is_boolean()) fail(fmt::format("\"{}\" must be true or false", key));
    return value->get<bool>();
  }
  std::string text(const char* key, const std::string& fallback) {
    const Json* value = take(key);
    if (!value) return fallback;
    if (!value->is_string()) fail(fmt::format("\"{}\" must be a text", key));
    return value->get<std::string>();
  }
  Padding padding() {
    const Json* value = take("padding");
    if (!value) return kValid;
    if (value->is_number_integer()) return value->get<std::int64_t>();
    if (*value == "same") return kSame;
    if (*value == "valid") return kValid;
    fail("\"padding\" must be \"same\", \"valid\" or a whole number");
  }
  nn::Activation activation() {
    const std::string name = text("activation", "");
    try {
      return name.empty() ? nn::Activation() : nn::Activation(name.c_str());
    } catch (const ValueError& e) {
      fail(e.what());
    }
  }
  // Refuses keys that nobody asked for.
  void finish() const {
    for (const auto& [key, value] : json_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        fail(fmt::format("has no key \"{}\"{}", key, did_you_mean(key, known_)));
      }
    }
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw ValueError(fmt::format("model: layer {}{} {}", number_ + 1,
                                 type_.empty() ? "" : " (" + type_ + ")", what));
  }

 private:
  const Json* take(const char* key) {
    known_.emplace_back(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  const Json& json_;
  std::size_t number_;
  std::string type_;
  std::vector<std::string> known_;
};

using Maker = nn::NamedLayer (*)(LayerSpec&);

const std::map<std::string, Maker>& makers() {
  static const std::map<std::string, Maker> table = {
      {"dense",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::Dense{{.units = s.needed("units"),
                           .activation = s.activation(),
                           .use_bias = s.flag("use_bias", true)}};
       }},
      {"conv2d",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::Conv2d{{.filters = s.needed("filters"),
                            .kernel = PerAxis(s.whole("kernel", 3)),
                            .stride = PerAxis(s.whole("stride", 1)),
                            .padding = s.padding(),
                            .groups = s.whole("groups", 1),
                            .activation = s.activation(),
                            .use_bias = s.flag("use_bias", true)}};
       }},
      {"max_pool2d",
       [](LayerSpec& s) -> nn::NamedLayer {
         const std::int64_t kernel = s.whole("kernel", 2);
         return nn::MaxPool2d{
             {.kernel = PerAxis(kernel), .stride = PerAxis(s.whole("stride", kernel))}};
       }},
      {"avg_pool2d",
       [](LayerSpec& s) -> nn::NamedLayer {
         const std::int64_t kernel = s.whole("kernel", 2);
         return nn::AvgPool2d{
             {.kernel = PerAxis(kernel), .stride = PerAxis(s.whole("stride", kernel))}};
       }},
      {"global_avg_pool", [](LayerSpec&) -> nn::NamedLayer { return nn::GlobalAvgPool(); }},
      {"flatten", [](LayerSpec&) -> nn::NamedLayer { return nn::Flatten(); }},
      {"dropout",
       [](LayerSpec& s) -> nn::NamedLayer { return nn::Dropout{{.rate = s.number("rate", 0.5)}}; }},
      {"batch_norm", [](LayerSpec&) -> nn::NamedLayer { return nn::BatchNorm(); }},
      {"layer_norm", [](LayerSpec&) -> nn::NamedLayer { return nn::LayerNorm(); }},
      {"activation",
       [](LayerSpec& s) -> nn::NamedLayer { return nn::ActivationLayer(s.activation()); }}};
  return table;
}

std::string dump(const Json& layers) { return layers.dump(); }

Json dense(std::int64_t units, const char* activation = nullptr) {
  Json layer{{"type", "dense"}, {"units", units}};
  if (activation) layer["activation"] = activation;
  return layer;
}
Json conv(std::int64_t filters) {
  return {{"type", "conv2d"}, {"filters", filters}, {"kernel", 3}, {"activation", "relu"}};
}

void expect_picture(const std::string& model, const Spec& input, std::int64_t least) {
  if (input.shape.rank() == 3 && input.shape[1] >= least && input.shape[2] >= least) return;
  throw ValueError(fmt::format("model \"{}\" needs pictures of at least {} x {}, samples are {}",
                               model, least, least, to_string(input)));
}

}  // namespace

nn::Sequential build(const std::string& layers_json) {
  const Json layers = Json::parse(layers_json, nullptr, false);
  if (!layers.is_array() || layers.empty()) {
    throw ValueError("model: the layers must be a list of tables, at least one");
  }
  nn::Sequential network;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerSpec spec(layers[i], i);
    const auto maker = makers().find(spec.type());
    if (maker == makers().end()) {
      std::vector<std::string> names;
      for (const auto& [name, make] : makers()) names.push_back(name);
      spec.fail("has an unknown type" + did_you_mean(spec.type(), names) +
                fmt::format(" Known: {}", fmt::join(names, ", ")));
    }
    nn::NamedLayer layer = maker->second(spec);
    spec.finish();
    network.push_back(std::move(layer));
  }
  return network;
}

const std::vector<ModelDescription>& models() {
  static const std::vector<ModelDescription> list = {
      {"linear", "one dense layer: linear or logistic regression"},
      {"mlp", "two hidden dense layers of 128 units, relu"},
      {"cnn", "Conv 32 3x3, pool, Conv 64 3x3, pool, dense: for small pictures"},
      {"cnn-bn",
       "three convolution blocks with batch normalisation and dropout: for 28x28 and up"}};
  return list;
}

std::string layers_of(const std::string& model, const Spec& input, std::int64_t outputs) {
  const Json flatten{{"type", "flatten"}};
  const Json pool{{"type", "max_pool2d"}};
  const bool picture = input.shape.rank() == 3 && input.shape[1] >= 12 && input.shape[2] >= 12;
  if (model == "auto") return layers_of(picture ? "cnn" : "mlp", input, outputs);
  Json layers = Json::array();
  const bool flat = input.shape.rank() == 1;
  if (model == "linear" || model == "mlp") {
    if (!flat) layers.push_back(flatten);
    if (model == "mlp") {
      layers.push_back(dense(128, "relu"));
      layers.push_back(dense(128, "relu"));
    }
    layers.push_back(dense(outputs));
    return dump(layers);
  }
  if (model == "cnn") {
    expect_picture(model, input, 12);
    return dump(Json::array({conv(32), pool, conv(64), pool, flatten, dense(outputs)}));
  }
  if (model == "cnn-bn") {
    expect_picture(model, input, 24);
    for (const std::int64_t filters : {32, 64, 128}) {
      layers.push_back({{"type", "conv2d"},
                        {"filters", filters},
                        {"kernel", 3},
                        {"padding", "same"},
                        {"use_bias", false}});
      layers.push_back({{"type", "batch_norm"}});
      layers.push_back({{"type", "activation"}, {"activation", "relu"}});
      layers.push_back(pool);
    }
    layers.push_back(flatten);
    layers.push_back({{"type", "dropout"}, {"rate", 0.4}});
    layers.push_back(dense(outputs));
    return dump(layers);
  }
  std::vector<std::string> names{"auto"};
  for (const ModelDescription& m : models()) names.push_back(m.name);
  throw ValueError(fmt::format("unknown model \"{}\"{} Known: {}", model,
                               did_you_mean(model, names), fmt::join(names, ", ")));
}

}  // namespace nacre::zoo
