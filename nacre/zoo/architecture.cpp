#include "nacre/zoo/architecture.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/error.h"
#include "nacre/base/json.h"
#include "nacre/base/text.h"
#include "nacre/zoo/layer_spec.h"

namespace nacre::zoo {
namespace {

std::string dump(const Json& layers) { return layers.dump(); }

Json dense(std::int64_t units, const char* activation = nullptr) {
  Json layer{{"type", "dense"}, {"units", units}};
  if (activation) layer["activation"] = activation;
  return layer;
}
Json conv(std::int64_t filters) {
  return {{"type", "conv2d"}, {"filters", filters}, {"kernel_size", 3}, {"activation", "relu"}};
}

void expect_picture(const std::string& model, const Spec& input, std::int64_t least) {
  if (input.shape.rank() == 3 && input.shape[1] >= least && input.shape[2] >= least) return;
  throw ValueError(fmt::format("model \"{}\" needs pictures of at least {} x {}, samples are {}",
                               model, least, least, to_string(input)));
}

}  // namespace

nn::Sequential build(const std::string& layers_json) {
  try {
    return build_layers(parse_json(layers_json, "model"));
  } catch (const IoError& e) {
    throw ValueError(std::string(e.what()) + "\n  it must be a list of tables of layers");
  }
}

std::string describe(nn::Layer& network) {
  if (auto* list = network.get_if<nn::Sequential>())
    return json_text(describe_layers(*list, ""), "model");
  return json_text(Json::array({describe_layer(network, "")}), "model");
}

const std::vector<ModelDescription>& models() {
  static const std::vector<ModelDescription> list = {
      {"linear", "one dense layer: linear or logistic regression"},
      {"mlp", "two hidden dense layers of 128 units, relu"},
      {"cnn", "Conv 32 3x3, pool, Conv 64 3x3, pool, dense: for small pictures"},
      {"cnn-bn", "three convolution blocks with batch normalisation and dropout: for 28x28 and up"},
      {"text", "embedding, a convolution over five words, the maximum over the text, dense"}};
  return list;
}

std::string layers_of(const std::string& model, const Spec& input, std::int64_t outputs,
                      std::int64_t vocabulary) {
  const Json flatten{{"type", "flatten"}};
  const Json pool{{"type", "max_pool2d"}};
  const bool picture = input.shape.rank() == 3 && input.shape[1] >= 12 && input.shape[2] >= 12;
  const bool tokens = is_integral(input.dtype);
  if (model == "auto") {
    return layers_of(tokens ? "text" : picture ? "cnn" : "mlp", input, outputs, vocabulary);
  }
  Json layers = Json::array();
  const bool flat = input.shape.rank() == 1;
  const bool known = std::any_of(models().begin(), models().end(),
                                 [&](const ModelDescription& m) { return m.name == model; });
  if (known && (model == "text") != tokens) {
    throw ValueError(fmt::format("model \"{}\" takes {}, samples are {}", model,
                                 tokens ? "values, not tokens of a text" : "tokens of a text",
                                 to_string(input)));
  }
  if (model == "text") {
    if (!flat || input.shape[0] < 5 || vocabulary < 1) {
      throw ValueError(fmt::format(
          "model \"text\" needs at least 5 tokens a sample and a vocabulary, samples are {}",
          to_string(input)));
    }
    // Kim, "Convolutional neural networks for sentence classification", 2014, with one width.
    return dump(Json::array(
        {{{"type", "embedding"}, {"inputs", vocabulary}, {"units", 64}, {"padding_index", 0}},
         {{"type", "permute"}, {"axes", {2, 1}}},
         {{"type", "conv1d"}, {"filters", 64}, {"kernel_size", 5}, {"activation", "relu"}},
         {{"type", "global_max_pool"}},
         {{"type", "dropout"}, {"rate", 0.5}},
         dense(outputs)}));
  }
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
                        {"kernel_size", 3},
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
  throw ValueError(fmt::format("unknown model \"{}\"{}\n  hint: known are {}", model,
                               did_you_mean(model, names), fmt::join(names, ", ")));
}

}  // namespace nacre::zoo
