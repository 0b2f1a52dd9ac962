#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "nacre/base/text.h"
#include "nacre/zoo/layer_spec.h"

namespace nacre::zoo {
namespace {

// What convolutions of all kinds share.
template <class Options>
Options window(LayerSpec& s) {
  Options o;
  o.kernel_size = s.sizes("kernel_size", 3);
  o.stride = s.sizes("stride", 1);
  o.padding = s.padding();
  o.dilation = s.sizes("dilation", 1);
  o.activation = s.activation();
  o.use_bias = s.flag("use_bias", true);
  o.kernel_initializer = s.initializer("kernel_initializer");
  o.bias_initializer = s.initializer("bias_initializer");
  return o;
}

template <class Convolution>
nn::NamedLayer convolution(LayerSpec& s) {
  auto o = window<nn::ConvLayerOptions>(s);
  o.filters = s.needed("filters");
  o.groups = s.whole("groups", 1, 1);
  return Convolution(o);
}

template <class Convolution>
nn::NamedLayer depthwise(LayerSpec& s) {
  auto o = window<nn::ConvLayerOptions>(s);
  o.depth_multiplier = s.whole("depth_multiplier", 1, 1);
  return Convolution(o);
}

template <class Convolution>
nn::NamedLayer transposed(LayerSpec& s) {
  auto o = window<nn::ConvTransposeLayerOptions>(s);
  o.filters = s.needed("filters");
  o.groups = s.whole("groups", 1, 1);
  o.output_padding = s.sizes("output_padding", 0, 0);
  return Convolution(o);
}

template <class Pool>
nn::NamedLayer pool(LayerSpec& s) {
  const PerAxis size = s.sizes("kernel_size", 2);
  return Pool{{.kernel_size = size,
               .stride = s.sizes("stride", size),
               .padding = s.padding(),
               .ceil_mode = s.flag("ceil_mode", false),
               .count_include_pad = s.flag("count_include_pad", false)}};
}

template <class Pool>
nn::NamedLayer global_pool(LayerSpec& s) {
  return Pool{{.keep_dims = s.flag("keep_dims", false)}};
}

template <class Pool>
nn::NamedLayer adaptive_pool(LayerSpec& s) {
  return Pool{{.output = s.sizes("output", 1)}};
}

nn::NamedLayer dense(LayerSpec& s) {
  return nn::Dense{{.units = s.needed("units"),
                    .activation = s.activation(),
                    .use_bias = s.flag("use_bias", true),
                    .kernel_initializer = s.initializer("kernel_initializer"),
                    .bias_initializer = s.initializer("bias_initializer")}};
}

nn::NamedLayer embedding(LayerSpec& s) {
  nn::EmbeddingLayerOptions options{.input_dim = s.needed("input_dim"),
                                    .output_dim = s.needed("output_dim"),
                                    .initializer = s.initializer("initializer")};
  // The fallback stands for a key that is not there.
  if (const std::int64_t padding = s.whole("padding_index", -1, 0); padding >= 0) {
    options.padding_index = padding;
  }
  return nn::Embedding(options);
}

nn::NamedLayer batch_norm(LayerSpec& s) {
  return nn::BatchNorm{{.momentum = s.number("momentum", nn::BatchNormOptions{}.momentum),
                        .epsilon = s.number("epsilon", nn::BatchNormOptions{}.epsilon),
                        .affine = s.flag("affine", true)}};
}

nn::NamedLayer layer_norm(LayerSpec& s) {
  return nn::LayerNorm{{.axes = static_cast<int>(s.whole("axes", 1, 1, kMaxRank)),
                        .epsilon = s.number("epsilon", nn::LayerNormOptions{}.epsilon),
                        .affine = s.flag("affine", true),
                        .use_bias = s.flag("use_bias", true)}};
}

nn::NamedLayer group_norm(LayerSpec& s) {
  return nn::GroupNorm{{.groups = s.whole("groups", nn::GroupNormOptions{}.groups, 1),
                        .epsilon = s.number("epsilon", nn::GroupNormOptions{}.epsilon),
                        .affine = s.flag("affine", true)}};
}

nn::NamedLayer rms_norm(LayerSpec& s) {
  return nn::RMSNorm{{.epsilon = s.number("epsilon", nn::RMSNormOptions{}.epsilon),
                      .affine = s.flag("affine", true)}};
}

// What a layer itself finds wrong with its options gets the layer's number.
nn::NamedLayer make_layer(LayerMaker maker, LayerSpec& spec) {
  try {
    return maker(spec);
  } catch (const ValueError& e) {
    if (std::string_view(e.what()).starts_with("model: ")) throw;
    spec.fail(std::string("is not possible: ") + e.what());
  }
}

}  // namespace

const std::map<std::string, LayerMaker>& layer_makers() {
  static const std::map<std::string, LayerMaker> table = {
      {"dense", dense},
      {"conv1d", convolution<nn::Conv1d>},
      {"conv2d", convolution<nn::Conv2d>},
      {"conv3d", convolution<nn::Conv3d>},
      {"depthwise_conv1d", depthwise<nn::Conv1d>},
      {"depthwise_conv2d", depthwise<nn::Conv2d>},
      {"depthwise_conv3d", depthwise<nn::Conv3d>},
      {"conv_transpose1d", transposed<nn::ConvTranspose1d>},
      {"conv_transpose2d", transposed<nn::ConvTranspose2d>},
      {"conv_transpose3d", transposed<nn::ConvTranspose3d>},
      {"max_pool1d", pool<nn::MaxPool1d>},
      {"max_pool2d", pool<nn::MaxPool2d>},
      {"max_pool3d", pool<nn::MaxPool3d>},
      {"avg_pool1d", pool<nn::AvgPool1d>},
      {"avg_pool2d", pool<nn::AvgPool2d>},
      {"avg_pool3d", pool<nn::AvgPool3d>},
      {"global_avg_pool", global_pool<nn::GlobalAvgPool>},
      {"global_max_pool", global_pool<nn::GlobalMaxPool>},
      {"adaptive_avg_pool", adaptive_pool<nn::AdaptiveAvgPool>},
      {"adaptive_max_pool", adaptive_pool<nn::AdaptiveMaxPool>},
      {"flatten",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::Flatten{{.start = static_cast<int>(s.whole("start", 1, -kMaxRank, kMaxRank))}};
       }},
      {"reshape",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::Reshape{{.shape = s.needed_list("shape", -1)}};
       }},
      {"permute",
       [](LayerSpec& s) -> nn::NamedLayer {
         const std::vector<std::int64_t> axes = s.needed_list("axes", 0);
         return nn::Permute({.axes = {axes.begin(), axes.end()}});
       }},
      {"dropout",
       [](LayerSpec& s) -> nn::NamedLayer { return nn::Dropout{{.rate = s.number("rate", 0.5)}}; }},
      {"spatial_dropout",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::SpatialDropout{{.rate = s.number("rate", 0.5)}};
       }},
      {"embedding", embedding},
      {"batch_norm", batch_norm},
      {"layer_norm", layer_norm},
      {"group_norm", group_norm},
      {"rms_norm", rms_norm},
      {"rescaling",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::Rescaling({.scale = s.number("scale", 1), .offset = s.number("offset", 0)});
       }},
      {"prelu",
       [](LayerSpec& s) -> nn::NamedLayer {
         return nn::PReLU{
             {.per_channel = s.flag("per_channel", true), .initial = s.number("initial", 0.25)}};
       }},
      {"sequential",
       [](LayerSpec& s) -> nn::NamedLayer {
         return build_layers(s.list("layers"), s.nesting() + 1);
       }},
      {"activation",
       [](LayerSpec& s) -> nn::NamedLayer { return nn::ActivationLayer(s.activation()); }}};
  return table;
}

nn::Sequential build_layers(const Json& list, int nesting) {
  if (nesting > kMostNesting) {
    throw ValueError(
        fmt::format("model: lists of layers are nested deeper than {} levels", kMostNesting));
  }
  if (!list.is_array() || list.empty()) {
    throw ValueError("model: the layers must be a list of tables, at least one");
  }
  nn::Sequential network;
  for (std::size_t i = 0; i < list.size(); ++i) {
    LayerSpec spec(list[i], i, nesting);
    const auto maker = layer_makers().find(spec.type());
    if (maker == layer_makers().end()) {
      std::vector<std::string> names;
      for (const auto& [name, make] : layer_makers()) names.push_back(name);
      spec.fail("has an unknown type" + did_you_mean(spec.type(), names) +
                fmt::format("\n  hint: known are {}", fmt::join(names, ", ")));
    }
    nn::NamedLayer layer = make_layer(maker->second, spec);
    layer.name = spec.text("name", "");
    spec.finish();
    network.push_back(std::move(layer));
  }
  return network;
}

}  // namespace nacre::zoo
