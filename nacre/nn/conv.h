// Convolution layers over one, two or three spatial axes. Images are [batch, channels, spatial...].
#pragma once

#include "nacre/nn/activation.h"
#include "nacre/nn/field.h"
#include "nacre/ops/image/conv.h"

namespace nacre::nn {

struct ConvOptions {
  std::int64_t filters = 0;  // output channels, at least 1
  PerAxis kernel_size = {};  // window, one number or one an axis
  PerAxis stride = 1;
  Padding padding = 0;  // 0 (Keras' "valid"), a number, one an axis, Padding::pairs, kSame
  PerAxis dilation = 1;
  std::int64_t groups = 1;
  // Depthwise: groups = input channels; filters = input channels * multiplier; `filters` is
  // left out.
  std::int64_t depth_multiplier = 0;
  std::int64_t inputs = 0;  // input channels; 0: taken from the first input
  Activation activation = {};
  bool use_bias = true;
  Initializer weight_initializer = {};  // default: Glorot uniform, as in Keras
  Initializer bias_initializer = {};    // default: zeros

  template <class V>
  void each(V&& v) {
    v(Field{.name = "filters", .least = 1, .needed = true}, filters);
    v(Field{.name = "kernel_size", .least = 1}, kernel_size);
    v(Field{.name = "stride", .least = 1}, stride);
    v(Field{.name = "padding"}, padding);
    v(Field{.name = "dilation", .least = 1}, dilation);
    v(Field{.name = "groups", .least = 1}, groups);
    v(Field{.name = "depth_multiplier", .least = 1}, depth_multiplier);
    v(Field{.name = "inputs", .implied = true}, inputs);
    v(Field{.name = "activation"}, activation);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "weight_initializer"}, weight_initializer);
    v(Field{.name = "bias_initializer"}, bias_initializer);
  }
};

// x [batch, inputs, spatial...] gives activation(conv(x, weight) + bias); `weight` is [filters,
// inputs / groups, kernel...], `bias` [filters], as in PyTorch.
class ConvLayer : public LayerBase {
 public:
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);
  const ConvOptions& options() const { return options_; }

  Variable weight;
  Variable bias;

 protected:
  ConvLayer(std::string kind, int axes, ConvOptions options, Location at);
  ConvLayer(const char* kind, int axes, First filters, PerAxis kernel, ConvOptions options);

 private:
  void build(const LayerCall& call, const Operand& x, std::int64_t channels);
  int axes_;
  ConvOptions options_;
};

// Conv2d({.filters = 32, .kernel_size = 3}) or Conv2d(32, 3), Conv2d(32, 3, {.stride = 2}). Throw
// ValueError when filters or the kernel are missing, and for options that do not go together.
class Conv1d : public ConvLayer {
 public:
  explicit Conv1d(ConvOptions options, Location at = std::source_location::current())
      : ConvLayer("Conv1d", 1, std::move(options), at) {}
  explicit Conv1d(First filters, PerAxis kernel_size, ConvOptions options = {})
      : ConvLayer("Conv1d", 1, filters, std::move(kernel_size), std::move(options)) {}
};
class Conv2d : public ConvLayer {
 public:
  explicit Conv2d(ConvOptions options, Location at = std::source_location::current())
      : ConvLayer("Conv2d", 2, std::move(options), at) {}
  explicit Conv2d(First filters, PerAxis kernel_size, ConvOptions options = {})
      : ConvLayer("Conv2d", 2, filters, std::move(kernel_size), std::move(options)) {}
};
class Conv3d : public ConvLayer {
 public:
  explicit Conv3d(ConvOptions options, Location at = std::source_location::current())
      : ConvLayer("Conv3d", 3, std::move(options), at) {}
  explicit Conv3d(First filters, PerAxis kernel_size, ConvOptions options = {})
      : ConvLayer("Conv3d", 3, filters, std::move(kernel_size), std::move(options)) {}
};

struct ConvTransposeOptions {
  std::int64_t filters = 0;
  PerAxis kernel_size = {};
  PerAxis stride = 1;
  Padding padding = 0;
  PerAxis output_padding = 0;
  PerAxis dilation = 1;
  std::int64_t groups = 1;
  std::int64_t inputs = 0;
  Activation activation = {};
  bool use_bias = true;
  Initializer weight_initializer = {};
  Initializer bias_initializer = {};

  template <class V>
  void each(V&& v) {
    v(Field{.name = "filters", .least = 1, .needed = true}, filters);
    v(Field{.name = "kernel_size", .least = 1}, kernel_size);
    v(Field{.name = "stride", .least = 1}, stride);
    v(Field{.name = "padding"}, padding);
    v(Field{.name = "dilation", .least = 1}, dilation);
    v(Field{.name = "output_padding"}, output_padding);
    v(Field{.name = "groups", .least = 1}, groups);
    v(Field{.name = "inputs", .implied = true}, inputs);
    v(Field{.name = "activation"}, activation);
    v(Field{.name = "use_bias"}, use_bias);
    v(Field{.name = "weight_initializer"}, weight_initializer);
    v(Field{.name = "bias_initializer"}, bias_initializer);
  }
};

// The adjoint of a convolution; `weight` is [inputs, filters / groups, kernel...], as in PyTorch.
class ConvTransposeLayer : public LayerBase {
 public:
  Tensor operator()(const Operand& x);
  void visit(ModuleVisitor& visitor);
  const ConvTransposeOptions& options() const { return options_; }

  Variable weight;
  Variable bias;

 protected:
  ConvTransposeLayer(std::string kind, int axes, ConvTransposeOptions options, Location at);
  ConvTransposeLayer(const char* kind, int axes, First filters, PerAxis kernel,
                     ConvTransposeOptions options);

 private:
  void build(const LayerCall& call, const Operand& x, std::int64_t channels);
  int axes_;
  ConvTransposeOptions options_;
};

class ConvTranspose1d : public ConvTransposeLayer {
 public:
  explicit ConvTranspose1d(ConvTransposeOptions options,
                           Location at = std::source_location::current())
      : ConvTransposeLayer("ConvTranspose1d", 1, std::move(options), at) {}
  explicit ConvTranspose1d(First filters, PerAxis kernel_size, ConvTransposeOptions options = {})
      : ConvTransposeLayer("ConvTranspose1d", 1, filters, std::move(kernel_size),
                           std::move(options)) {}
};
class ConvTranspose2d : public ConvTransposeLayer {
 public:
  explicit ConvTranspose2d(ConvTransposeOptions options,
                           Location at = std::source_location::current())
      : ConvTransposeLayer("ConvTranspose2d", 2, std::move(options), at) {}
  explicit ConvTranspose2d(First filters, PerAxis kernel_size, ConvTransposeOptions options = {})
      : ConvTransposeLayer("ConvTranspose2d", 2, filters, std::move(kernel_size),
                           std::move(options)) {}
};
class ConvTranspose3d : public ConvTransposeLayer {
 public:
  explicit ConvTranspose3d(ConvTransposeOptions options,
                           Location at = std::source_location::current())
      : ConvTransposeLayer("ConvTranspose3d", 3, std::move(options), at) {}
  explicit ConvTranspose3d(First filters, PerAxis kernel_size, ConvTransposeOptions options = {})
      : ConvTransposeLayer("ConvTranspose3d", 3, filters, std::move(kernel_size),
                           std::move(options)) {}
};

}  // namespace nacre::nn
