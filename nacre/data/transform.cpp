#include "nacre/data/transform.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "nacre/base/error.h"

namespace nacre::data {
namespace {

// Reads n elements of any dtype as float.
template <class F>
void each_as_float(const void* in, DType dtype, std::int64_t begin, std::int64_t end, F&& f) {
  visit_dtype(dtype, [&](auto tag) {
    const auto* from = static_cast<const typename decltype(tag)::type*>(in);
    for (std::int64_t i = begin; i < end; ++i) f(i, static_cast<float>(from[i]));
  });
}

class ScaleStep final : public Transform {
 public:
  ScaleStep(double factor, double offset)
      : factor_(static_cast<float>(factor)), offset_(static_cast<float>(offset)) {}
  Spec output(const Spec& input) const override { return {f32, input.shape}; }
  void apply(const void* in, const Spec& spec, void* out, RandomStream&) const override {
    float* to = static_cast<float*>(out);
    const float factor = factor_;
    const float offset = offset_;
    each_as_float(in, spec.dtype, 0, spec.elements(),
                  [=](std::int64_t i, float x) { to[i] = x * factor + offset; });
  }

 private:
  float factor_;
  float offset_;
};

class NormaliseStep final : public Transform {
 public:
  NormaliseStep(std::vector<double> mean, std::vector<double> deviation)
      : mean_(std::move(mean)), deviation_(std::move(deviation)) {}
  Spec output(const Spec& input) const override {
    const auto channels = static_cast<std::int64_t>(mean_.size());
    if (channels != 1 && (input.shape.rank() == 0 || input.shape[0] != channels)) {
      throw ShapeError(format_error(
          {.op = "normalize",
           .what =
               fmt::format("{} means and deviations for samples of {}", channels, to_string(input)),
           .hint = "give one for each channel (the first axis of a sample), or one for all"}));
    }
    return {f32, input.shape};
  }
  void apply(const void* in, const Spec& spec, void* out, RandomStream&) const override {
    float* to = static_cast<float*>(out);
    const auto channels = static_cast<std::int64_t>(mean_.size());
    const std::int64_t inner = spec.elements() / channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto mean = static_cast<float>(mean_[static_cast<std::size_t>(c)]);
      const auto deviation = static_cast<float>(deviation_[static_cast<std::size_t>(c)]);
      each_as_float(in, spec.dtype, c * inner, (c + 1) * inner,
                    [=](std::int64_t i, float x) { to[i] = (x - mean) / deviation; });
    }
  }

 private:
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

class ReshapeStep final : public Transform {
 public:
  explicit ReshapeStep(const Shape& shape) : shape_(shape) {}
  Spec output(const Spec& input) const override {
    if (input.elements() != shape_.elements()) {
      throw ShapeError(fmt::format("reshape: {} elements of {} do not fit {}", input.elements(),
                                   to_string(input), to_string(shape_)));
    }
    return {input.dtype, shape_};
  }
  void apply(const void* in, const Spec& spec, void* out, RandomStream&) const override {
    if (spec.bytes() > 0) std::memcpy(out, in, spec.bytes());
  }

 private:
  Shape shape_;
};

}  // namespace

std::shared_ptr<const Transform> scale_step(double factor, double offset) {
  return std::make_shared<ScaleStep>(factor, offset);
}

std::shared_ptr<const Transform> normalize_step(std::vector<double> mean,
                                                std::vector<double> deviation) {
  if (mean.empty() || mean.size() != deviation.size()) {
    throw ValueError(
        fmt::format("normalize: {} means and {} deviations", mean.size(), deviation.size()));
  }
  for (const double d : deviation) {
    if (!(d > 0)) throw ValueError(fmt::format("normalize: a deviation of {}", d));
  }
  return std::make_shared<NormaliseStep>(std::move(mean), std::move(deviation));
}

std::shared_ptr<const Transform> reshape_step(const Shape& shape) {
  return std::make_shared<ReshapeStep>(shape);
}

}  // namespace nacre::data
