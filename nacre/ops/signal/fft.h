// Discrete Fourier transforms. Complex tensors have a last axis of size 2: real and imaginary part;
// axes are counted without it. Elements are f32 or f64 (DTypeError otherwise), any length.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

// Where the factor 1/n goes: to the inverse transform, as a square root to both, to the forward
// one.
enum class FftNorm : std::uint8_t { backward, ortho, forward };

struct FftOptions {
  std::int64_t n = 0;  // length of the transform: x is cut or padded with zeros; 0: x's own
  int axis = -1;
  FftNorm norm = FftNorm::backward;
};

// sum_j x_j exp(-2 pi i j k / n) for complex x [..., 2], and the inverse.
Tensor fft(const Operand& x, const FftOptions& options = {});
Tensor ifft(const Operand& x, const FftOptions& options = {});
// The same for real x: only the n / 2 + 1 coefficients k >= 0 that determine the others.
Tensor rfft(const Operand& x, const FftOptions& options = {});
// The inverse of rfft. n is 2 (m - 1) for m coefficients unless it is given.
Tensor irfft(const Operand& x, const FftOptions& options = {});
// Over the last two axes.
Tensor fft2(const Operand& x, FftNorm norm = FftNorm::backward);
Tensor ifft2(const Operand& x, FftNorm norm = FftNorm::backward);
Tensor rfft2(const Operand& x, FftNorm norm = FftNorm::backward);
// `columns`: the length of the last axis of the result; 0: 2 (m - 1).
Tensor irfft2(const Operand& x, std::int64_t columns = 0, FftNorm norm = FftNorm::backward);

// Complex tensors from and to their parts.
Tensor make_complex(const Operand& real, const Operand& imaginary);
Tensor real_part(const Operand& x);
Tensor imaginary_part(const Operand& x);
// |x|^2.
Tensor squared_magnitude(const Operand& x);

struct FrameOptions {
  std::int64_t length = 0;
  std::int64_t hop = 0;
  std::int64_t pad = 0;  // samples added on both sides
  bool reflect = false;  // mirrored ones, else zeros
};
// Overlapping pieces of the last axis: [..., t] gives [..., 1 + (t + 2 pad - length) / hop,
// length]. Throws ValueError for options out of range, ShapeError for an x that is too short.
Tensor frame(const Operand& x, const FrameOptions& options);
// The transpose of frame(): pieces [..., frames, length] added up at their places in [..., size].
Tensor overlap_add(const Operand& frames, std::int64_t size, const FrameOptions& options);

// Windows of n samples, periodic as for spectra: 0.5 - 0.5 cos(2 pi i / n), and 0.54 - 0.46 cos.
Tensor hann_window(std::int64_t n, DType dtype = f32);
Tensor hamming_window(std::int64_t n, DType dtype = f32);

struct StftOptions {
  std::int64_t n_fft = 512;
  std::int64_t hop = 0;  // 0: n_fft / 4
  Tensor window = {};    // [n_fft]; undefined: Hann
  bool center = true;    // frame i is centred at sample i * hop; the ends are mirrored
};
// Short-time Fourier transform: [..., t] gives [..., frames, n_fft / 2 + 1, 2].
Tensor stft(const Operand& x, const StftOptions& options = {});
// Its inverse by weighted overlap: [..., t] where the windows cover it. Griffin and Lim, "Signal
// estimation from modified short-time Fourier transform", 1984.
Tensor istft(const Operand& spectrum, std::int64_t size, const StftOptions& options = {});

// Triangles evenly spaced on the mel scale 2595 log10(1 + f / 700): [n_fft / 2 + 1, count], to
// multiply a power spectrum [..., frames, n_fft / 2 + 1] with. high 0 means sample_rate / 2.
Tensor mel_filters(std::int64_t count, std::int64_t n_fft, double sample_rate, double low = 0,
                   double high = 0, DType dtype = f32);

}  // namespace nacre
