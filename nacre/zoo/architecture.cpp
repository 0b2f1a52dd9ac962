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
      {"text", "embedding, a convolution over five words, the maximum over the text, dense"},
      {"gpt", "a causal transformer that says which token is next: for language"},
      {"lstm-lm", "stacked LSTMs that say which token is next: for language"}};
  return list;
}

namespace {

Json embedding(std::int64_t vocabulary, std::int64_t units) {
  return {{"type", "embedding"}, {"inputs", vocabulary}, {"units", units}};
}

// Radford et al., "Language models are unsupervised multitask learners", 2019.
Json gpt(const ModelNeeds& n) {
  const std::int64_t width = n.width > 0 ? n.width : 128;
  Json layers = Json::array({embedding(n.vocabulary, width),
                             {{"type", "position_embedding"}, {"length", n.input.shape[0]}}});
  if (n.dropout > 0) layers.push_back({{"type", "dropout"}, {"rate", n.dropout}});
  Json block{{"type", "transformer_block"},
             {"units", width},
             {"heads", n.heads > 0 ? n.heads : 4},
             {"causal", true}};
  if (n.dropout > 0) block["dropout"] = n.dropout;
  for (std::int64_t i = 0; i < (n.blocks > 0 ? n.blocks : 4); ++i) layers.push_back(block);
  layers.push_back({{"type", "layer_norm"}});
  layers.push_back(dense(n.outputs));
  return layers;
}

// Zaremba et al., "Recurrent neural network regularization", 2014.
Json lstm_lm(const ModelNeeds& n) {
  const std::int64_t width = n.width > 0 ? n.width : 256;
  Json lstm{{"type", "lstm"},
            {"units", width},
            {"layers", n.blocks > 0 ? n.blocks : 2},
            {"return_sequences", true}};
  if (n.dropout > 0) lstm["dropout"] = n.dropout;
  Json layers = Json::array({embedding(n.vocabulary, std::min<std::int64_t>(width, 64)), lstm});
  if (n.dropout > 0) layers.push_back({{"type", "dropout"}, {"rate", n.dropout}});
  layers.push_back(dense(n.outputs));
  return layers;
}

Json language_model(const std::string& name, const ModelNeeds& n) {
  if (n.input.shape.rank() != 1 || n.vocabulary < 1) {
    throw ValueError(
        fmt::format("model \"{}\" needs a vocabulary, samples are {}", name, to_string(n.input)));
  }
  if (name == "lstm-lm" && n.heads > 0) {
    throw ValueError("model \"lstm-lm\" has no heads (model.heads)");
  }
  return name == "gpt" ? gpt(n) : lstm_lm(n);
}

// Kim, "Convolutional neural networks for sentence classification", 2014, with one width.
Json text_cnn(const ModelNeeds& n) {
  if (n.input.shape.rank() != 1 || n.input.shape[0] < 5 || n.vocabulary < 1) {
    throw ValueError(fmt::format(
        "model \"text\" needs at least 5 tokens a sample and a vocabulary, samples are {}",
        to_string(n.input)));
  }
  return Json::array(
      {{{"type", "embedding"}, {"inputs", n.vocabulary}, {"units", 64}, {"padding_index", 0}},
       {{"type", "permute"}, {"axes", {2, 1}}},
       {{"type", "conv1d"}, {"filters", 64}, {"kernel_size", 5}, {"activation", "relu"}},
       {{"type", "global_max_pool"}},
       {{"type", "dropout"}, {"rate", 0.5}},
       dense(n.outputs)});
}

Json flat(const std::string& name, const ModelNeeds& n) {
  Json layers = Json::array();
  if (n.input.shape.rank() != 1) layers.push_back({{"type", "flatten"}});
  if (name == "mlp") {
    layers.push_back(dense(128, "relu"));
    layers.push_back(dense(128, "relu"));
  }
  layers.push_back(dense(n.outputs));
  return layers;
}

Json cnn(const ModelNeeds& n) {
  const Json pool{{"type", "max_pool2d"}};
  expect_picture("cnn", n.input, 12);
  return Json::array({conv(32), pool, conv(64), pool, {{"type", "flatten"}}, dense(n.outputs)});
}

Json cnn_bn(const ModelNeeds& n) {
  expect_picture("cnn-bn", n.input, 24);
  Json layers = Json::array();
  for (const std::int64_t filters : {32, 64, 128}) {
    layers.push_back({{"type", "conv2d"},
                      {"filters", filters},
                      {"kernel_size", 3},
                      {"padding", "same"},
                      {"use_bias", false}});
    layers.push_back({{"type", "batch_norm"}});
    layers.push_back({{"type", "activation"}, {"activation", "relu"}});
    layers.push_back({{"type", "max_pool2d"}});
  }
  layers.push_back({{"type", "flatten"}});
  layers.push_back({{"type", "dropout"}, {"rate", 0.4}});
  layers.push_back(dense(n.outputs));
  return layers;
}

std::string chosen_for(const ModelNeeds& n) {
  if (n.task == Task::language) return "gpt";
  if (is_integral(n.input.dtype)) return "text";
  const Shape& s = n.input.shape;
  return s.rank() == 3 && s[1] >= 12 && s[2] >= 12 ? "cnn" : "mlp";
}

}  // namespace

std::string layers_of(const std::string& model, const ModelNeeds& n) {
  if (model == "auto") return layers_of(chosen_for(n), n);
  const bool known = std::any_of(models().begin(), models().end(),
                                 [&](const ModelDescription& m) { return m.name == model; });
  if (!known) {
    std::vector<std::string> names{"auto"};
    for (const ModelDescription& m : models()) names.push_back(m.name);
    throw ValueError(fmt::format("unknown model \"{}\"{}\n  hint: known are {}", model,
                                 did_you_mean(model, names), fmt::join(names, ", ")));
  }
  const bool language = model == "gpt" || model == "lstm-lm";
  if (language != (n.task == Task::language)) {
    throw ValueError(fmt::format("model \"{}\" is {} models of language (data.task)", model,
                                 language ? "for" : "not for"));
  }
  if (language) return dump(language_model(model, n));
  if (n.blocks > 0 || n.heads > 0 || n.width > 0 || n.dropout > 0) {
    throw ValueError(fmt::format(
        "model \"{}\" has sizes of its own: model.blocks, heads, width and dropout are for models "
        "of language\n  hint: write your own model.layers",
        model));
  }
  const bool tokens = is_integral(n.input.dtype);
  if ((model == "text") != tokens) {
    throw ValueError(fmt::format("model \"{}\" takes {}, samples are {}", model,
                                 tokens ? "values, not tokens of a text" : "tokens of a text",
                                 to_string(n.input)));
  }
  if (model == "text") return dump(text_cnn(n));
  if (model == "cnn") return dump(cnn(n));
  if (model == "cnn-bn") return dump(cnn_bn(n));
  return dump(flat(model, n));
}

}  // namespace nacre::zoo
