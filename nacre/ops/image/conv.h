// Convolutions over 1, 2 or 3 spatial axes. Images are [batch, channels, spatial...], weights
// [output channels, input channels / groups, kernel...], as in PyTorch and ONNX. As everywhere in
// deep learning the kernel is not flipped (cross-correlation).
#pragma once

#include "nacre/ops/define/operand.h"
#include "nacre/ops/image/padding.h"

namespace nacre {

struct ConvOptions {
  PerAxis stride = 1;
  Padding padding = 0;  // zeros; a number, one an axis, Padding::pairs(...), kSame or kValid
  PerAxis dilation = 1;
  std::int64_t groups = 1;  // divides both channel counts; groups = channels is depthwise
  // Images are [batch, spatial..., channels]; the weights keep their layout.
  bool channels_last = false;
};

// y[b,o,p] = sum over c, k of x[b,c,p*stride - low + k*dilation] * w[o,c,k]. Throws ShapeError and
// ValueError when channels, groups or sizes do not fit.
Tensor conv(const Operand& x, const Operand& weights, const ConvOptions& options = {});
// The same plus bias[o].
Tensor conv(const Operand& x, const Operand& weights, const Operand& bias,
            const ConvOptions& options = {});

struct ConvTransposeOptions {
  PerAxis stride = 1;
  // What is cut off the full result; kSame gives size * stride.
  Padding padding = 0;
  PerAxis output_padding = 0;  // added at the end; below the larger of stride and dilation
  PerAxis dilation = 1;
  std::int64_t groups = 1;
  bool channels_last = false;
};

// The adjoint of conv, also called deconvolution; weights are [input channels, output channels /
// groups, kernel...]. Size: (size - 1) * stride - low - high + dilation * (kernel - 1) + 1 +
// output_padding.
Tensor conv_transpose(const Operand& x, const Operand& weights,
                      const ConvTransposeOptions& options = {});
Tensor conv_transpose(const Operand& x, const Operand& weights, const Operand& bias,
                      const ConvTransposeOptions& options = {});

}  // namespace nacre
