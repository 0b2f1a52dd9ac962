// Fourier transforms and what of sound is made of them. The generic tests compare kernels with the
// defining sums and gradients with finite differences.
#include "nacre/ops/signal/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "nacre/base/random.h"
#include "nacre/nacre.h"
#include "tests/support/errors.h"

namespace nacre {
namespace {

using test::text_of;
using test::text_without_line;

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  RandomStream random(seed);
  std::vector<double> values(static_cast<std::size_t>(shape.elements()));
  for (double& v : values) v = random.uniform(-1, 1);
  return Tensor::from(values, shape);
}

void expect_close(const Tensor& a, const Tensor& b, double tolerance = 1e-10) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_LT(max(abs(a - b)).item<double>(), tolerance);
}

TEST(Fft, InverseGivesBackEveryLength) {
  for (const std::int64_t n : {1, 2, 3, 5, 7, 8, 12, 30, 31, 97, 101, 256, 1000, 1009}) {
    const Tensor z = random_tensor({n, 2}, 1);
    const Tensor x = random_tensor({n}, 2);
    for (const FftNorm norm : {FftNorm::backward, FftNorm::ortho, FftNorm::forward}) {
      expect_close(ifft(fft(z, {.norm = norm}), {.norm = norm}), z);
      expect_close(irfft(rfft(x, {.norm = norm}), {.n = n, .norm = norm}), x);
    }
  }
}

TEST(Fft, OrthoKeepsLength) {
  const Tensor z = random_tensor({3, 37, 2}, 3);
  EXPECT_NEAR(sum(square(fft(z, {.norm = FftNorm::ortho}))).item<double>(),
              sum(square(z)).item<double>(), 1e-10);
}

TEST(Fft, KnownSpectrum) {
  const Tensor y = rfft(tensor({1, 2, 3, 4}, f64));
  expect_close(y, tensor({{10, 0}, {-2, 2}, {-2, 0}}, f64));
  expect_close(rfft(tensor({1, 2, 3}, f64), {.n = 4}), tensor({{6, 0}, {-2, -2}, {2, 0}}, f64));
}

TEST(Fft, RealEqualsComplexOfRealInput) {
  const Tensor x = random_tensor({4, 21}, 4);
  const Tensor full = fft(make_complex(x, x * 0));
  const Tensor half = rfft(x);
  const std::vector<double> a = full.to_vector<double>();
  const std::vector<double> b = half.to_vector<double>();
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t i = 0; i < 22; ++i) EXPECT_NEAR(a[row * 42 + i], b[row * 22 + i], 1e-12);
  }
  expect_close(make_complex(real_part(half), imaginary_part(half)), half);
}

TEST(Fft, AxesAndTwoDimensions) {
  const Tensor x = random_tensor({6, 10}, 5);
  expect_close(rfft(x, {.axis = 0}), transpose(rfft(transpose(x)), {1, 0, 2}));
  expect_close(irfft2(rfft2(x)), x);
  const Tensor odd = random_tensor({2, 5, 7}, 6);
  expect_close(irfft2(rfft2(odd), 7), odd);
  const Tensor z = random_tensor({2, 5, 7, 2}, 7);
  expect_close(ifft2(fft2(z)), z);
}

TEST(Fft, GradientThroughAPowerSpectrumCompiled) {
  // Parseval: sum |X|^2 over all k = n sum x^2, whose gradient is 2 n x.
  const auto f = [](const Tensor& x) {
    return sum(squared_magnitude(fft(make_complex(x, zeros_like(x)))));
  };
  const Tensor x = random_tensor({11}, 8);
  expect_close(grad(f)(x), x * 22);
  expect_close(compile(grad(f))(x), x * 22);
}

TEST(Fft, LongSingleLineInFloat) {
  const std::int64_t n = 1 << 14;
  const Tensor x = cast(random_tensor({n}, 9), f32);
  expect_close(irfft(rfft(x)), x, 1e-6);
}

TEST(Stft, FramesAreWindowedSpectra) {
  const Tensor x = random_tensor({2, 50}, 10);
  const Tensor w = hamming_window(16, f64);
  const Tensor y = stft(x, {.n_fft = 16, .hop = 5, .window = w, .center = false});
  EXPECT_EQ(y.shape(), (Shape{2, 7, 9, 2}));
  const Tensor pieces = frame(x, {.length = 16, .hop = 5});
  expect_close(y, rfft(pieces * w));
  EXPECT_EQ(stft(x, {.n_fft = 16}).shape(), (Shape{2, 13, 9, 2}));
}

TEST(Stft, CentredFramesMirrorTheEnds) {
  const Tensor x = tensor({1, 2, 3, 4, 5}, f64);
  const Tensor pieces = frame(x, {.length = 5, .hop = 4, .pad = 2, .reflect = true});
  expect_close(pieces, tensor({{3, 2, 1, 2, 3}, {3, 4, 5, 4, 3}}, f64));
}

TEST(Stft, InverseGivesTheSignalBack) {
  const Tensor x = random_tensor({3, 400}, 11);
  for (const std::int64_t n_fft : {64, 50}) {
    const StftOptions o{.n_fft = n_fft, .hop = 10};
    expect_close(istft(stft(x, o), 400, o), x, 1e-9);
  }
}

TEST(Stft, Windows) {
  expect_close(hann_window(4, f64), tensor({0, 0.5, 1, 0.5}, f64));
  expect_close(hamming_window(2, f64), tensor({0.08, 1}, f64));
}

TEST(Mel, TrianglesCoverTheBand) {
  const Tensor m = mel_filters(20, 512, 16000, 0, 0, f64);
  EXPECT_EQ(m.shape(), (Shape{257, 20}));
  EXPECT_GE(min(m).item<double>(), 0);
  EXPECT_LE(max(m).item<double>(), 1);
  // Between the first and the last peak neighbours add up to one.
  const std::vector<double> total = m.sum({1}).to_vector<double>();
  for (std::size_t k = 10; k < 220; ++k) EXPECT_NEAR(total[k], 1, 1e-9) << k;
}

TEST(FftErrors, Checks) {
  EXPECT_EQ(text_without_line<ShapeError>([] { fft(ones({8})); }),
            "fft: complex numbers expected: a last axis of size 2\n"
            "  input f32[8]\n"
            "  hint: use rfft for real input, or make_complex(real, imaginary)");
  EXPECT_EQ(text_without_line<DTypeError>([] { rfft(ones({8}, i32)); }),
            "rfft: f32 or f64 expected, i32 given\n"
            "  input i32[8]\n"
            "  hint: convert it with x.to(nacre::f32)");
  EXPECT_EQ(text_without_line<ValueError>([] { rfft(ones({8}), {.n = 4, .axis = 1}); }),
            "rfft: axis 1 is out of range for rank 1\n"
            "  input f32[8]");
  EXPECT_EQ(text_without_line<ValueError>([] {
              irfft(ones({1, 2}));
            }),
            "irfft: the transform has length 0, at least 1 expected\n"
            "  input f32[1,2]");
  EXPECT_EQ(text_without_line<ShapeError>([] { rfft(ones({})); }),
            "rfft: a signal expected, a scalar given\n"
            "  input f32[]");
  EXPECT_EQ(text_without_line<ShapeError>([] { frame(ones({3}), {.length = 5, .hop = 1}); }),
            "frame: 3 samples with padding 0 hold no frame of 5\n"
            "  input f32[3]\n"
            "  hint: pad the signal or take shorter frames");
  EXPECT_EQ(text_without_line<ValueError>([] { frame(ones({3}), {.length = 2}); }),
            "frame: length 2, hop 0, pad 0: length and hop of at least 1 and pad of at least 0 "
            "expected\n"
            "  input f32[3]");
  EXPECT_EQ(text_without_line<ShapeError>(
                [] { frame(ones({3}), {.length = 2, .hop = 1, .pad = 3, .reflect = true}); }),
            "frame: 3 samples cannot be mirrored to 3 more\n"
            "  input f32[3]");
  EXPECT_EQ(text_without_line<ShapeError>([] {
              overlap_add(ones({3, 4}), 9, {.hop = 4});
            }),
            "overlap_add: 3 frames given, 9 samples have 2\n"
            "  input f32[3,4]");
  EXPECT_EQ(
      text_without_line<ValueError>([] { stft(ones({99}), {.n_fft = 8, .window = ones({9})}); }),
      "stft: n_fft is 8, the window f32[9]\n"
      "  hint: give a window of n_fft samples");
  EXPECT_EQ(text_of<ValueError>([] { mel_filters(0, 512, 16000); }),
            "mel_filters: 0 filters from 0 to 8000 Hz at sample rate 16000, n_fft 512\n"
            "  hint: 0 <= low < high <= sample_rate / 2, at least one filter");
}

}  // namespace
}  // namespace nacre
