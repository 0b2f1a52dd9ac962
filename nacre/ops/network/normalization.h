// Normalisation of activations: layer, RMS, batch, group and instance norm. Weight and bias may be
// left undefined. Numbers of which only the squares overflow (1e20 in f32) are normalised like
// others, with their gradients.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

struct NormOptions {
  double epsilon = 1e-5;
  bool channels_last = false;  // batch, group and instance norm
};

struct LayerNormOptions {
  std::vector<int> axes = {-1};  // what is normalised over
  double epsilon = 1e-5;
};

// (x - mean) / sqrt(variance + epsilon) * weight + bias over `axes` of each sample; weight and bias
// broadcast to x (their shape is that of the normalised axes). Ba, Kiros, Hinton 2016.
Tensor layer_norm(const Operand& x, const Operand& weight = Tensor(),
                  const Operand& bias = Tensor(), const LayerNormOptions& options = {});

// x / sqrt(mean(x^2) + epsilon) * weight. Zhang, Sennrich 2019.
Tensor rms_norm(const Operand& x, const Operand& weight = Tensor(),
                const LayerNormOptions& options = {});

struct BatchNormResult {
  Tensor y;
  Tensor mean;      // [channels], f32 when x is bf16 or f16
  Tensor variance;  // [channels], the mean of squares: multiply by n / (n - 1) for running values
};
// Normalises each channel over batch and space: x is [batch, channels, ...] with any number of
// spatial axes; weight and bias are [channels]. Ioffe, Szegedy 2015.
BatchNormResult batch_norm(const Operand& x, const Operand& weight = Tensor(),
                           const Operand& bias = Tensor(), const NormOptions& options = {});
// The same with statistics collected before: what a trained model does.
Tensor batch_norm_inference(const Operand& x, const Operand& mean, const Operand& variance,
                            const Operand& weight = Tensor(), const Operand& bias = Tensor(),
                            const NormOptions& options = {});

// Normalises each sample over groups of channels and space. Throws ValueError unless groups divides
// the channels. Wu, He 2018.
Tensor group_norm(const Operand& x, std::int64_t groups, const Operand& weight = Tensor(),
                  const Operand& bias = Tensor(), const NormOptions& options = {});
// Normalises each channel of each sample over space. Ulyanov, Vedaldi, Lempitsky 2016.
Tensor instance_norm(const Operand& x, const Operand& weight = Tensor(),
                     const Operand& bias = Tensor(), const NormOptions& options = {});

// The dtype of means and variances of x: f32 for 16-bit floats.
constexpr DType statistics_dtype(DType x) { return size_of(x) == 2 ? f32 : x; }

}  // namespace nacre
