// The layers that have a name, a row each. What a layer's keys are its options say (nn/field.h).
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nacre/zoo/layer_row.h"

namespace nacre::zoo {
namespace {

// Where types of a recipe share a class of layers: which options each has.
struct Convolution : Plain {
  static bool has(std::string_view key) { return key != "depth_multiplier"; }
  static void begin(nn::ConvOptions& o) { o.kernel_size = 3; }
  static bool is(const nn::ConvOptions& o) { return o.depth_multiplier == 0; }
};
struct Depthwise : Plain {
  static bool has(std::string_view key) { return key != "filters" && key != "groups"; }
  static void begin(nn::ConvOptions& o) {
    o.kernel_size = 3;
    o.depth_multiplier = 1;
  }
  static bool is(const nn::ConvOptions& o) { return o.depth_multiplier > 0; }
};
struct Transposed : Plain {
  static void begin(nn::ConvTransposeOptions& o) { o.kernel_size = 3; }
};

LayerRow sequential_row() {
  return {"sequential",
          [](LayerSpec& s) -> nn::NamedLayer {
            return build_layers(s.list("layers"), s.nesting() + 1);
          },
          [](nn::Layer& layer, const std::string& path, Json& out) {
            auto* list = layer.get_if<nn::Sequential>();
            if (list) out["layers"] = describe_layers(*list, path + "/");
            return list != nullptr;
          },
          [] {
            return LayerKeys{{"layers", ""}};
          }};
}

LayerRow activation_row() {
  return {"activation",
          [](LayerSpec& s) -> nn::NamedLayer {
            nn::Activation function;
            s.read({.name = "activation"}, function);
            return nn::ActivationLayer(function);
          },
          [](nn::Layer& layer, const std::string&, Json& out) {
            auto* activation = layer.get_if<nn::ActivationLayer>();
            if (activation) write({.name = "activation"}, activation->function(), out);
            return activation != nullptr;
          },
          [] {
            return LayerKeys{{"activation", ""}};
          }};
}

}  // namespace

const std::vector<LayerRow>& layer_rows() {
  static const std::vector<LayerRow> rows = {
      row<nn::Dense>("dense"),
      row<nn::Conv1d, Convolution>("conv1d"),
      row<nn::Conv2d, Convolution>("conv2d"),
      row<nn::Conv3d, Convolution>("conv3d"),
      row<nn::Conv1d, Depthwise>("depthwise_conv1d"),
      row<nn::Conv2d, Depthwise>("depthwise_conv2d"),
      row<nn::Conv3d, Depthwise>("depthwise_conv3d"),
      row<nn::ConvTranspose1d, Transposed>("conv_transpose1d"),
      row<nn::ConvTranspose2d, Transposed>("conv_transpose2d"),
      row<nn::ConvTranspose3d, Transposed>("conv_transpose3d"),
      row<nn::MaxPool1d>("max_pool1d"),
      row<nn::MaxPool2d>("max_pool2d"),
      row<nn::MaxPool3d>("max_pool3d"),
      row<nn::AvgPool1d>("avg_pool1d"),
      row<nn::AvgPool2d>("avg_pool2d"),
      row<nn::AvgPool3d>("avg_pool3d"),
      row<nn::GlobalAvgPool>("global_avg_pool"),
      row<nn::GlobalMaxPool>("global_max_pool"),
      row<nn::AdaptiveAvgPool>("adaptive_avg_pool"),
      row<nn::AdaptiveMaxPool>("adaptive_max_pool"),
      row<nn::Flatten>("flatten"),
      row<nn::Reshape>("reshape"),
      row<nn::Permute>("permute"),
      row<nn::Dropout>("dropout"),
      row<nn::SpatialDropout>("spatial_dropout"),
      row<nn::Embedding>("embedding"),
      row<nn::BatchNorm>("batch_norm"),
      row<nn::LayerNorm>("layer_norm"),
      row<nn::GroupNorm>("group_norm"),
      row<nn::RMSNorm>("rms_norm"),
      row<nn::Rescaling>("rescaling"),
      row<nn::PReLU>("prelu"),
      row<nn::SimpleRNN>("simple_rnn"),
      row<nn::LSTM>("lstm"),
      row<nn::GRU>("gru"),
      row<nn::PositionEmbedding>("position_embedding"),
      row<nn::MultiHeadAttention>("multi_head_attention"),
      row<nn::TransformerBlock>("transformer_block"),
      activation_row(),
      sequential_row(),
  };
  return rows;
}

}  // namespace nacre::zoo
