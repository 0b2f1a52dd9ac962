#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "nacre/base/error.h"
#include "nacre/data/image/augment.h"

namespace nacre::data {
namespace {

void expect_rank(const char* op, const Spec& input, int least, const char* layout) {
  if (input.dtype != f32 || input.shape.rank() < least) {
    throw ShapeError(fmt::format("{}: {} expected, the input is {}", op, layout, to_string(input)));
  }
}

class MaskStep final : public Transform {
 public:
  explicit MaskStep(const SoundMasking& m) : m_(m) {}
  Spec output(const Spec& input) const override {
    expect_rank("mask", input, 2, "f32 [..., frequencies, frames]");
    return input;
  }
  void apply(const void* in, const Spec& spec, void* out, RandomStream& random) const override {
    if (spec.bytes() > 0) std::memcpy(out, in, spec.bytes());
    float* p = static_cast<float*>(out);
    const std::int64_t frames = spec.shape.at_back(-1);
    const std::int64_t bands = spec.shape.at_back(-2);
    const std::int64_t planes = frames * bands > 0 ? spec.elements() / (frames * bands) : 0;
    for (int k = 0; k < m_.frequency_masks; ++k) {
      const auto [begin, end] = stretch(bands, m_.frequency_width, random);
      for (std::int64_t c = 0; c < planes; ++c) {
        float* plane = p + c * bands * frames;
        std::fill(plane + begin * frames, plane + end * frames, m_.fill);
      }
    }
    for (int k = 0; k < m_.time_masks; ++k) {
      const auto [begin, end] = stretch(frames, m_.time_width, random);
      for (std::int64_t row = 0; row < planes * bands; ++row) {
        std::fill(p + row * frames + begin, p + row * frames + end, m_.fill);
      }
    }
  }

 private:
  static std::pair<std::int64_t, std::int64_t> stretch(std::int64_t size, std::int64_t width,
                                                       RandomStream& random) {
    const std::int64_t most = std::min(width, size);
    const auto w = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most) + 1));
    const auto begin =
        static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size - w) + 1));
    return {begin, begin + w};
  }
  SoundMasking m_;
};

class WaveStep final : public Transform {
 public:
  explicit WaveStep(const WaveAugmentation& a) : a_(a) {}
  Spec output(const Spec& input) const override {
    expect_rank("wave augmentation", input, 1, "f32 [channels, samples]");
    return input;
  }
  void apply(const void* in, const Spec& spec, void* out, RandomStream& random) const override {
    const auto* from = static_cast<const float*>(in);
    auto* to = static_cast<float*>(out);
    const std::int64_t n = spec.shape.at_back(-1);
    const std::int64_t rows = n > 0 ? spec.elements() / n : 0;
    const auto shift = static_cast<std::int64_t>(
        std::llround(random.uniform(-a_.shift, a_.shift) * static_cast<double>(n)));
    double gain = random.uniform(1 - a_.gain, 1 + a_.gain);
    if (a_.flip_sign && (random.bits() & 1)) gain = -gain;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t j = i - shift;
        const double x = j >= 0 && j < n ? from[r * n + j] : 0;
        const double noise = a_.noise > 0 ? a_.noise * random.normal() : 0;
        to[r * n + i] = static_cast<float>(x * gain + noise);
      }
    }
  }

 private:
  WaveAugmentation a_;
};

}  // namespace

std::shared_ptr<const Transform> mask_step(const SoundMasking& m) {
  if (m.frequency_masks < 0 || m.frequency_width < 0 || m.time_masks < 0 || m.time_width < 0) {
    throw ValueError("mask: counts and widths must not be negative");
  }
  return std::make_shared<MaskStep>(m);
}

std::shared_ptr<const Transform> wave_step(const WaveAugmentation& a) {
  if (!(a.shift >= 0 && a.shift <= 1) || !(a.gain >= 0 && a.gain <= 1) || !(a.noise >= 0)) {
    throw ValueError("wave augmentation: shift and gain of 0 to 1 and noise from 0 on expected");
  }
  return std::make_shared<WaveStep>(a);
}

}  // namespace nacre::data
