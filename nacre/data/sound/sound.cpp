#include "nacre/data/sound/sound.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <numbers>
#include <vector>

#include "nacre/base/error.h"

namespace nacre::data {
namespace {

using Complex = std::complex<float>;

// Cooley and Tukey in place; the length is a power of two.
void transform(std::vector<Complex>& x) {
  const std::size_t n = x.size();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t k = 0; k < half; ++k) {
      const double angle = -std::numbers::pi * static_cast<double>(k) / static_cast<double>(half);
      const Complex turn(static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)));
      for (std::size_t i = k; i < n; i += 2 * half) {
        const Complex odd = turn * x[i + half];
        x[i + half] = x[i] - odd;
        x[i] += odd;
      }
    }
  }
}

class MelStep final : public Transform {
 public:
  explicit MelStep(const MelOptions& o) : o_(o) {
    const auto size = static_cast<std::size_t>(o.window);
    for (std::size_t i = 0; i < size; ++i) {
      const double phase =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(size);
      hann_.push_back(static_cast<float>(0.5 - 0.5 * std::cos(phase)));
    }
    const auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
    const auto hertz = [](double m) { return 700 * (std::pow(10, m / 2595) - 1); };
    const double top = mel(o.rate / 2.0);
    std::vector<double> edges;
    for (int b = 0; b < o.bands + 2; ++b) edges.push_back(hertz(top * b / (o.bands + 1)));
    for (std::size_t b = 0; b < static_cast<std::size_t>(o.bands); ++b) {
      std::vector<float> weights;
      for (std::size_t k = 0; k <= size / 2; ++k) {
        const double f = static_cast<double>(k) * o.rate / static_cast<double>(size);
        const double rise = (f - edges[b]) / (edges[b + 1] - edges[b]);
        const double fall = (edges[b + 2] - f) / (edges[b + 2] - edges[b + 1]);
        weights.push_back(static_cast<float>(std::max(0.0, std::min(rise, fall))));
      }
      bands_.push_back(std::move(weights));
    }
  }

  Spec output(const Spec& input) const override {
    if (input.dtype != f32 || input.shape.rank() != 2) {
      throw ShapeError("mel: f32 [channels, samples] expected, the input is " + to_string(input));
    }
    if (input.shape[1] < o_.window) {
      throw ShapeError(
          fmt::format("mel: a window of {} samples, the input is {}", o_.window, to_string(input)));
    }
    return {f32, {input.shape[0], o_.bands, (input.shape[1] - o_.window) / o_.hop + 1}};
  }

  void apply(const void* in, const Spec& spec, void* out, RandomStream&) const override {
    const Spec to_spec = output(spec);
    const std::int64_t n = spec.shape[1];
    const std::int64_t frames = to_spec.shape[2];
    std::vector<Complex> x(hann_.size());
    std::vector<float> power(hann_.size() / 2 + 1);
    for (std::int64_t c = 0; c < spec.shape[0]; ++c) {
      const float* from = static_cast<const float*>(in) + c * n;
      float* to = static_cast<float*>(out) + c * o_.bands * frames;
      for (std::int64_t t = 0; t < frames; ++t) {
        for (std::size_t i = 0; i < x.size(); ++i) {
          x[i] = from[t * o_.hop + static_cast<std::int64_t>(i)] * hann_[i];
        }
        transform(x);
        for (std::size_t k = 0; k < power.size(); ++k) power[k] = std::norm(x[k]);
        for (std::size_t b = 0; b < bands_.size(); ++b) {
          float sum = 0;
          for (std::size_t k = 0; k < power.size(); ++k) sum += bands_[b][k] * power[k];
          to[static_cast<std::int64_t>(b) * frames + t] = std::log(sum + 1e-6f);
        }
      }
    }
  }

 private:
  MelOptions o_;
  std::vector<float> hann_;
  std::vector<std::vector<float>> bands_;
};

}  // namespace

Tensor resample(const Tensor& samples, int from, int to) {
  if (from < 1 || to < 1) throw ValueError(fmt::format("resample: from {} to {} Hz", from, to));
  if (samples.dtype() != f32 || samples.rank() != 2) {
    throw ShapeError("resample: f32 [channels, n] expected, this is " + to_string(samples.spec()));
  }
  if (from == to) return samples;
  const std::int64_t channels = samples.size(0);
  const std::int64_t n = samples.size(1);
  const std::int64_t out_n = (n * to + from / 2) / from;
  const double step = static_cast<double>(from) / to;
  const double cutoff = std::min(1.0, static_cast<double>(to) / from);
  const double reach = 32 / cutoff;
  Tensor out({f32, {channels, out_n}});
  const Tensor here = samples.on_host();
  const auto x = here.data<float>();
  const auto y = out.mutable_data<float>();
  std::vector<double> taps;
  for (std::int64_t i = 0; i < out_n; ++i) {
    const double centre = static_cast<double>(i) * step;
    const auto low =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(centre - reach)));
    const auto high = std::min(n - 1, static_cast<std::int64_t>(std::floor(centre + reach)));
    taps.clear();
    for (std::int64_t j = low; j <= high; ++j) {
      const double d = static_cast<double>(j) - centre;
      const double phase = std::numbers::pi * d * cutoff;
      const double sinc = std::abs(phase) < 1e-9 ? 1 : std::sin(phase) / phase;
      taps.push_back(cutoff * sinc * (0.5 + 0.5 * std::cos(std::numbers::pi * d / reach)));
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::size_t k = 0; k < taps.size(); ++k) {
        sum += taps[k] * x[static_cast<std::size_t>(c * n + low) + k];
      }
      y[static_cast<std::size_t>(c * out_n + i)] = static_cast<float>(sum);
    }
  }
  return out;
}

namespace {

// The spectrogram of SoundForm::bands.
Tensor spectrogram(const Tensor& samples, const SoundForm& form) {
  int window = 2;
  while (window * 1000 < form.rate * 24) window *= 2;
  const auto mel = mel_step({.rate = form.rate,
                             .window = window,
                             .hop = std::max(1, form.rate / 100),
                             .bands = form.bands});
  Tensor out(mel->output(samples.spec()));
  RandomStream none(0);
  mel->apply(samples.raw_data(), samples.spec(), out.raw_mutable_data(), none);
  const float silence = std::log(1e-6f);
  for (float& v : out.mutable_data<float>()) v = (v - silence) / -silence;
  return out;
}

}  // namespace

Tensor shape_sound(const Sound& sound, const SoundForm& form) {
  if (form.rate < (form.bands > 0 ? 100 : 1) || form.length < 0 || form.bands < 0) {
    throw ValueError(fmt::format("sound: a rate of {} Hz, a length of {} and {} bands", form.rate,
                                 form.length, form.bands));
  }
  Tensor x = sound.samples.on_host();
  if (form.mono && x.size(0) > 1) {
    const std::int64_t n = x.size(1);
    Tensor mean = zeros({1, n});
    const auto to = mean.mutable_data<float>();
    const auto from = x.data<float>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      to[i % static_cast<std::size_t>(n)] += from[i] / static_cast<float>(x.size(0));
    }
    x = mean;
  }
  x = resample(x, sound.rate, form.rate);
  if (form.length == 0 || x.size(1) == form.length) {
    return form.bands > 0 ? spectrogram(x, form) : x;
  }
  Tensor out = zeros({x.size(0), form.length});
  const std::int64_t n = std::min(form.length, x.size(1));
  for (std::int64_t c = 0; c < x.size(0) && n > 0; ++c) {
    std::memcpy(out.mutable_data<float>().data() + c * form.length,
                x.data<float>().data() + c * x.size(1),
                static_cast<std::size_t>(n) * sizeof(float));
  }
  return form.bands > 0 ? spectrogram(out, form) : out;
}

std::shared_ptr<const Transform> mel_step(const MelOptions& o) {
  if (o.rate < 1 || o.hop < 1 || o.bands < 1 || o.window < 2 ||
      !std::has_single_bit(static_cast<unsigned>(o.window))) {
    throw ValueError(fmt::format("mel: rate {}, window {} (a power of two), hop {}, bands {}",
                                 o.rate, o.window, o.hop, o.bands));
  }
  return std::make_shared<MelStep>(o);
}

}  // namespace nacre::data
