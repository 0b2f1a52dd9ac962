#include "nacre/nn/conv.h"

#include <fmt/format.h>

#include "nacre/ops/api.h"

namespace nacre::nn {
namespace {

// Of either kind of layer.
template <class Options>
void check_options(const std::string& kind, std::int64_t filters, const Options& o,
                   const Location& at) {
  const char* wrong = filters < 1             ? "filters must be at least 1"
                      : o.kernel_size.empty() ? "a kernel size is needed"
                      : o.groups < 1          ? "groups must be at least 1"
                      : o.inputs < 0          ? "inputs must be at least 0"
                      : !o.use_bias && o.bias_initializer
                          ? "bias_initializer is given, but use_bias is false"
                          : nullptr;
  if (!wrong) return;
  throw ValueError(
      format_error({.op = kind,
                    .what = wrong,
                    .location = at,
                    .hint = "write nn::" + kind + "({.filters = 32, .kernel_size = 3})"}));
}

// Options with what the call gave before them.
template <class Options>
Options sized_window(const char* kind, const First& filters, PerAxis kernel, Options options) {
  if (!options.kernel_size.empty()) {
    throw ValueError(format_error({.op = kind,
                                   .what = "the kernel size is given twice, once in the options",
                                   .location = filters.at}));
  }
  options.kernel_size = std::move(kernel);
  return sized(kind, std::move(options), &Options::filters, filters);
}

// The number of channels of [batch, channels, spatial...] with so many spatial axes.
std::int64_t channels_of(const LayerCall& call, const Operand& x, int axes) {
  const Tensor input = x.tensor();
  if (input.rank() != axes + 2) {
    call.fail_shape(x,
                    fmt::format("it takes [batch, channels, {} spatial ax{}], the input has {} "
                                "axes",
                                axes, axes == 1 ? "is" : "es", input.rank()),
                    "add missing axes with reshape or expand_dims");
  }
  return input.size(1);
}

void check_channels(const LayerCall& call, const Operand& x, std::int64_t channels,
                    std::int64_t wanted) {
  if (channels == wanted) return;
  call.fail_shape(x,
                  fmt::format("it takes {} channels, axis 1 of the input has {}", wanted, channels),
                  "images are [batch, channels, height, width]; leave .inputs out to have it taken "
                  "from the first input");
}

void check_groups(const LayerCall& call, const Operand& x, std::int64_t channels,
                  std::int64_t filters, std::int64_t groups) {
  if (channels % groups == 0 && filters % groups == 0) return;
  call.fail_shape(x, fmt::format("groups = {} must divide {} input channels and {} filters", groups,
                                 channels, filters));
}

Shape weight_shape(std::int64_t first, std::int64_t second, const PerAxis& kernel, int axes) {
  Shape shape{first, second};
  for (const std::int64_t k : kernel.expand(axes)) shape.push_back(k);
  return shape;
}

DType float_type(const Operand& x) { return is_floating(x.dtype()) ? x.dtype() : f32; }

[[noreturn]] void fail_loaded(const LayerCall& call, const Operand& x, const Variable& weight,
                              const Shape& expected) {
  call.fail_shape(x,
                  fmt::format("it has weights {}, its options ask for {}", to_string(weight.spec()),
                              to_string(expected)),
                  "the weights were loaded from a file of another network");
}

}  // namespace

ConvLayer::ConvLayer(const char* kind, int axes, First filters, PerAxis kernel, ConvOptions options)
    : ConvLayer(kind, axes, sized_window(kind, filters, std::move(kernel), std::move(options)),
                filters.at) {}

ConvLayer::ConvLayer(std::string kind, int axes, ConvOptions options, Location at)
    : LayerBase(std::move(kind)), axes_(axes), options_(std::move(options)) {
  const bool depthwise = options_.depth_multiplier > 0;
  check_options(this->kind(), depthwise ? 1 : options_.filters, options_, at);
  if (options_.depth_multiplier < 0 ||
      (depthwise && (options_.filters != 0 || options_.groups != 1))) {
    throw ValueError(format_error(
        {.op = this->kind(),
         .what = fmt::format("depth_multiplier = {}, filters = {}, groups = {}; the multiplier is "
                             "at least 0, and says alone how many filters and groups there are",
                             options_.depth_multiplier, options_.filters, options_.groups),
         .location = at,
         .hint = "leave filters and groups out, or depth_multiplier"}));
  }
}

void ConvLayer::visit(ModuleVisitor& visitor) {
  visitor.variable("weight", weight);
  if (options_.use_bias) visitor.variable("bias", bias);
}

void ConvLayer::build(const LayerCall& call, const Operand& x, std::int64_t channels) {
  if (options_.inputs > 0) check_channels(call, x, channels, options_.inputs);
  if (options_.depth_multiplier > 0) {
    options_.groups = channels;
    options_.filters = channels * options_.depth_multiplier;
  }
  check_groups(call, x, channels, options_.filters, options_.groups);
  const Shape shape =
      weight_shape(options_.filters, channels / options_.groups, options_.kernel_size, axes_);
  if (!weight.defined()) {
    define_variable(weight,
                    initial(options_.weight_initializer, init::glorot_uniform(), shape,
                            float_type(x), fans_of(shape)),
                    "weight");
  }
  if (options_.use_bias && !bias.defined()) {
    define_variable(bias,
                    initial(options_.bias_initializer, init::zeros(), {options_.filters},
                            float_type(x), fans_of(shape), 1),
                    "bias");
  }
}

Tensor ConvLayer::operator()(const Operand& given) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  const std::int64_t channels = channels_of(call, x, axes_);
  if (!weight.defined() || (options_.use_bias && !bias.defined())) build(call, x, channels);
  // Weights may have come from a file, before any input.
  if (options_.depth_multiplier > 0)
    options_.groups = weight.shape()[0] / options_.depth_multiplier;
  check_channels(call, x, channels, weight.shape()[1] * options_.groups);
  const Shape expected =
      weight_shape(options_.depth_multiplier > 0 ? weight.shape()[0] : options_.filters,
                   channels / options_.groups, options_.kernel_size, axes_);
  if (!(weight.shape() == expected)) fail_loaded(call, x, weight, expected);
  const nacre::ConvOptions options{.stride = options_.stride,
                                   .padding = options_.padding,
                                   .dilation = options_.dilation,
                                   .groups = options_.groups};
  const Tensor y = options_.use_bias ? conv(x, weight, bias, options) : conv(x, weight, options);
  return call.done(options_.activation(Operand(y, x.at())));
}

ConvTransposeLayer::ConvTransposeLayer(const char* kind, int axes, First filters, PerAxis kernel,
                                       ConvTransposeOptions options)
    : ConvTransposeLayer(kind, axes,
                         sized_window(kind, filters, std::move(kernel), std::move(options)),
                         filters.at) {}

ConvTransposeLayer::ConvTransposeLayer(std::string kind, int axes, ConvTransposeOptions options,
                                       Location at)
    : LayerBase(std::move(kind)), axes_(axes), options_(std::move(options)) {
  check_options(this->kind(), options_.filters, options_, at);
}

void ConvTransposeLayer::visit(ModuleVisitor& visitor) {
  visitor.variable("weight", weight);
  if (options_.use_bias) visitor.variable("bias", bias);
}

void ConvTransposeLayer::build(const LayerCall& call, const Operand& x, std::int64_t channels) {
  if (options_.inputs > 0) check_channels(call, x, channels, options_.inputs);
  check_groups(call, x, channels, options_.filters, options_.groups);
  const Shape shape =
      weight_shape(channels, options_.filters / options_.groups, options_.kernel_size, axes_);
  // Its inputs play the part of a convolution's outputs.
  const Fans swapped = fans_of(shape);
  const Fans fans{swapped.out, swapped.in};
  if (!weight.defined()) {
    define_variable(
        weight,
        initial(options_.weight_initializer, init::glorot_uniform(), shape, float_type(x), fans),
        "weight");
  }
  if (options_.use_bias && !bias.defined()) {
    define_variable(bias,
                    initial(options_.bias_initializer, init::zeros(), {options_.filters},
                            float_type(x), fans, 1),
                    "bias");
  }
}

Tensor ConvTransposeLayer::operator()(const Operand& given) {
  const LayerCall call(*this);
  const Operand x = in_floats(given);
  const std::int64_t channels = channels_of(call, x, axes_);
  if (!weight.defined() || (options_.use_bias && !bias.defined())) build(call, x, channels);
  check_channels(call, x, channels, weight.shape()[0]);
  const Shape expected =
      weight_shape(channels, options_.filters / options_.groups, options_.kernel_size, axes_);
  if (!(weight.shape() == expected)) fail_loaded(call, x, weight, expected);
  const nacre::ConvTransposeOptions options{.stride = options_.stride,
                                            .padding = options_.padding,
                                            .output_padding = options_.output_padding,
                                            .dilation = options_.dilation,
                                            .groups = options_.groups};
  const Tensor y = options_.use_bias ? conv_transpose(x, weight, bias, options)
                                     : conv_transpose(x, weight, options);
  return call.done(options_.activation(Operand(y, x.at())));
}

}  // namespace nacre::nn
