#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nacre/base/utf8.h"
#include "nacre/zoo/layer_spec.h"

namespace nacre::zoo {
namespace {

// Fills `out` when the layer is an L.
template <class L, class F>
bool describe_as(nn::Layer& layer, const char* type, Json& out, F fill) {
  auto* module = layer.get_if<L>();
  if (!module) return false;
  out["type"] = type;
  fill(*module, out);
  return true;
}

Json padding_of(const Padding& padding) {
  if (padding.kind() == Padding::Kind::same) return "same";
  if (padding.kind() == Padding::Kind::valid) return "valid";
  if (!padding.low_high().empty()) return padding.low_high();
  return padding.both().values();
}

void add_activation(const nn::Activation& activation, Json& out) {
  if (!activation) return;
  if (activation.name() == "custom") throw ValueError("an activation of the program's own");
  out["activation"] = activation.name();
}

template <class Options>
void add_window(const Options& o, Json& out) {
  out["kernel_size"] = o.kernel_size.values();
  if (!o.stride.empty()) out["stride"] = o.stride.values();
  out["padding"] = padding_of(o.padding);
}

template <class Options>
void add_convolution(const Options& o, Json& out) {
  add_window(o, out);
  out["dilation"] = o.dilation.values();
  out["use_bias"] = o.use_bias;
  add_activation(o.activation, out);
}

template <class L>
bool convolution(nn::Layer& layer, const char* type, const char* depthwise_type, Json& out) {
  return describe_as<L>(layer, type, out, [&](const L& l, Json& j) {
    const nn::ConvLayerOptions& o = l.options();
    add_convolution(o, j);
    if (o.depth_multiplier > 0) {
      j["type"] = depthwise_type;
      j["depth_multiplier"] = o.depth_multiplier;
    } else {
      j["filters"] = o.filters;
      j["groups"] = o.groups;
    }
  });
}

template <class L>
bool transposed(nn::Layer& layer, const char* type, Json& out) {
  return describe_as<L>(layer, type, out, [](const L& l, Json& j) {
    add_convolution(l.options(), j);
    j["filters"] = l.options().filters;
    j["groups"] = l.options().groups;
    j["output_padding"] = l.options().output_padding.values();
  });
}

template <class L>
bool pool(nn::Layer& layer, const char* type, Json& out) {
  return describe_as<L>(layer, type, out, [](const L& l, Json& j) {
    add_window(l.options(), j);
    j["ceil_mode"] = l.options().ceil_mode;
    j["count_include_pad"] = l.options().count_include_pad;
  });
}

template <class L>
bool global_pool(nn::Layer& layer, const char* type, Json& out) {
  return describe_as<L>(layer, type, out,
                        [](const L& l, Json& j) { j["keep_dims"] = l.options().keep_dims; });
}

template <class L>
bool adaptive_pool(nn::Layer& layer, const char* type, Json& out) {
  return describe_as<L>(layer, type, out,
                        [](const L& l, Json& j) { j["output"] = l.options().output.values(); });
}

template <class L>
bool norm(nn::Layer& layer, const char* type, Json& out) {
  return describe_as<L>(layer, type, out, [](const L& l, Json& j) {
    j["epsilon"] = l.options().epsilon;
    j["affine"] = l.options().affine;
    if constexpr (requires { l.options().momentum; }) j["momentum"] = l.options().momentum;
    if constexpr (requires { l.options().groups; }) j["groups"] = l.options().groups;
    if constexpr (requires { l.options().axes; }) {
      j["axes"] = l.options().axes;
      j["use_bias"] = l.options().use_bias;
    }
  });
}

bool convolution_like(nn::Layer& l, Json& out) {
  return convolution<nn::Conv1d>(l, "conv1d", "depthwise_conv1d", out) ||
         convolution<nn::Conv2d>(l, "conv2d", "depthwise_conv2d", out) ||
         convolution<nn::Conv3d>(l, "conv3d", "depthwise_conv3d", out) ||
         transposed<nn::ConvTranspose1d>(l, "conv_transpose1d", out) ||
         transposed<nn::ConvTranspose2d>(l, "conv_transpose2d", out) ||
         transposed<nn::ConvTranspose3d>(l, "conv_transpose3d", out);
}

bool pool_like(nn::Layer& l, Json& out) {
  return pool<nn::MaxPool1d>(l, "max_pool1d", out) || pool<nn::MaxPool2d>(l, "max_pool2d", out) ||
         pool<nn::MaxPool3d>(l, "max_pool3d", out) || pool<nn::AvgPool1d>(l, "avg_pool1d", out) ||
         pool<nn::AvgPool2d>(l, "avg_pool2d", out) || pool<nn::AvgPool3d>(l, "avg_pool3d", out) ||
         global_pool<nn::GlobalAvgPool>(l, "global_avg_pool", out) ||
         global_pool<nn::GlobalMaxPool>(l, "global_max_pool", out) ||
         adaptive_pool<nn::AdaptiveAvgPool>(l, "adaptive_avg_pool", out) ||
         adaptive_pool<nn::AdaptiveMaxPool>(l, "adaptive_max_pool", out);
}

bool norm_like(nn::Layer& l, Json& out) {
  return norm<nn::BatchNorm>(l, "batch_norm", out) || norm<nn::LayerNorm>(l, "layer_norm", out) ||
         norm<nn::GroupNorm>(l, "group_norm", out) || norm<nn::RMSNorm>(l, "rms_norm", out);
}

bool other(nn::Layer& layer, const std::string& path, Json& out) {
  const auto rate = [](const nn::Dropout& l, Json& j) { j["rate"] = l.options().rate; };
  return describe_as<nn::Dense>(layer, "dense", out,
                                [](const nn::Dense& l, Json& j) {
                                  j["units"] = l.options().units;
                                  j["use_bias"] = l.options().use_bias;
                                  add_activation(l.options().activation, j);
                                }) ||
         describe_as<nn::ActivationLayer>(
             layer, "activation", out,
             [](const nn::ActivationLayer& l, Json& j) { add_activation(l.function(), j); }) ||
         describe_as<nn::Flatten>(
             layer, "flatten", out,
             [](const nn::Flatten& l, Json& j) { j["start"] = l.options().start; }) ||
         describe_as<nn::Reshape>(
             layer, "reshape", out,
             [](const nn::Reshape& l, Json& j) { j["shape"] = l.options().shape; }) ||
         describe_as<nn::Permute>(
             layer, "permute", out,
             [](const nn::Permute& l, Json& j) { j["axes"] = l.options().axes; }) ||
         describe_as<nn::Rescaling>(layer, "rescaling", out,
                                    [](const nn::Rescaling& l, Json& j) {
                                      j["scale"] = l.options().scale;
                                      j["offset"] = l.options().offset;
                                    }) ||
         describe_as<nn::Dropout>(layer, "dropout", out, rate) ||
         describe_as<nn::SpatialDropout>(layer, "spatial_dropout", out, rate) ||
         describe_as<nn::Embedding>(layer, "embedding", out,
                                    [](const nn::Embedding& l, Json& j) {
                                      j["input_dim"] = l.options().input_dim;
                                      j["output_dim"] = l.options().output_dim;
                                      if (l.options().padding_index) {
                                        j["padding_index"] = *l.options().padding_index;
                                      }
                                    }) ||
         describe_as<nn::PReLU>(layer, "prelu", out,
                                [](const nn::PReLU& l, Json& j) {
                                  j["per_channel"] = l.options().per_channel;
                                  j["initial"] = l.options().initial;
                                }) ||
         describe_as<nn::Sequential>(layer, "sequential", out, [&](nn::Sequential& l, Json& j) {
           j["layers"] = describe_layers(l, path + "/");
         });
}

}  // namespace

Json describe_layer(nn::Layer& layer, const std::string& path) {
  std::string what = layer.kind();
  try {
    Json out;
    if (convolution_like(layer, out) || pool_like(layer, out) || norm_like(layer, out) ||
        other(layer, path, out)) {
      return out;
    }
  } catch (const ValueError& e) {
    if (std::string_view(e.what()).starts_with("model: ")) throw;
    what = e.what();
  }
  throw ValueError(fmt::format(
      "model: layer \"{}\" cannot be described, it is {}\n  hint: save its weights with "
      "save_weights, build the network in the program and load_weights there",
      path, what));
}

Json describe_layers(nn::Sequential& network, const std::string& path) {
  // The path has a slash for each list around.
  if (std::count(path.begin(), path.end(), '/') >= kMostNesting) {
    throw ValueError(fmt::format(
        "model: layer \"{}\" cannot be described: its lists of layers are nested deeper than {} "
        "levels\n  hint: put the layers of the inner ones into the outer ones",
        shortened(path, 60), kMostNesting));
  }
  Json list = Json::array();
  for (std::size_t i = 0; i < network.size(); ++i) {
    Json layer = describe_layer(network[i], path + network.name(i));
    if (network.name(i) != std::to_string(i)) layer["name"] = network.name(i);
    list.push_back(std::move(layer));
  }
  return list;
}

}  // namespace nacre::zoo
