// Mixup and CutMix: steps that mix the samples of a batch.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nacre/base/error.h"
#include "nacre/data/image/augment.h"

namespace nacre::data {
namespace {

// Gamma(shape, 1) by Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
double draw_gamma(double shape, RandomStream& random) {
  if (shape < 1) {
    const double u = 1 - random.uniform();
    return draw_gamma(shape + 1, random) * std::pow(u, 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double draw_beta(double alpha, RandomStream& random) {
  const double a = draw_gamma(alpha, random);
  const double b = draw_gamma(alpha, random);
  return a + b > 0 ? a / (a + b) : 0.5;
}

std::vector<std::int64_t> partners(std::int64_t n, RandomStream& random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  }
  return order;
}

// l x + (1 - l) x[partner], rows along axis 0.
Tensor blend(const Tensor& x, const std::vector<std::int64_t>& partner, float l) {
  if (x.dtype() != f32) {
    throw DTypeError("mixup: f32 values expected, these are " + to_string(x.spec()));
  }
  Tensor out(x.spec());
  const Tensor here = x.on_host();
  const auto from = here.data<float>();
  const auto to = out.mutable_data<float>();
  const std::size_t row = partner.empty() ? 0 : from.size() / partner.size();
  for (std::size_t r = 0; r < partner.size(); ++r) {
    const float* a = from.data() + r * row;
    const float* b = from.data() + static_cast<std::size_t>(partner[r]) * row;
    for (std::size_t i = 0; i < row; ++i) to[r * row + i] = l * a[i] + (1 - l) * b[i];
  }
  return out;
}

Tensor soft_targets(const Tensor& t, std::int64_t classes) {
  if (!is_integral(t.dtype())) return t;
  Shape shape = t.shape();
  shape.push_back(classes);
  Tensor out = zeros(shape);
  float* row = out.mutable_data<float>().data();
  for (const std::int64_t c : t.to_vector<std::int64_t>()) {
    if (c < 0 || c >= classes) throw ValueError(fmt::format("mixup: class {} of {}", c, classes));
    row[c] = 1;
    row += classes;
  }
  return out;
}

void check(const char* op, double alpha, std::int64_t classes) {
  if (!(alpha > 0)) throw ValueError(fmt::format("{}: alpha = {} (above 0 expected)", op, alpha));
  if (classes < 1) throw ValueError(fmt::format("{}: {} classes", op, classes));
}

void blend_targets(Batch& batch, const std::vector<std::int64_t>& partner, float l,
                   std::int64_t classes) {
  for (Tensor& t : batch.targets) t = blend(soft_targets(t, classes), partner, l);
}

// Copies rectangle [x0, x1) x [y0, y1) of each picture's partner into it.
Tensor paste(const Tensor& x, const std::vector<std::int64_t>& partner, std::int64_t x0,
             std::int64_t x1, std::int64_t y0, std::int64_t y1) {
  const std::int64_t channels = x.size(1);
  const std::int64_t h = x.size(2);
  const std::int64_t w = x.size(3);
  const Tensor here = x.on_host();
  Tensor out = here.clone();
  float* to = out.mutable_data<float>().data();
  const float* from = here.data<float>().data();
  for (std::int64_t r = 0; r < x.size(0); ++r) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t y = y0; y < y1; ++y) {
        const std::int64_t other =
            ((partner[static_cast<std::size_t>(r)] * channels + c) * h + y) * w;
        std::copy(from + other + x0, from + other + x1, to + ((r * channels + c) * h + y) * w + x0);
      }
    }
  }
  return out;
}

}  // namespace

BatchStep mixup(double alpha, std::int64_t classes) {
  check("mixup", alpha, classes);
  return [alpha, classes](Batch& batch, RandomStream& random) {
    const auto l = static_cast<float>(draw_beta(alpha, random));
    const auto partner = partners(batch.size(), random);
    for (Tensor& t : batch.inputs) t = blend(t, partner, l);
    blend_targets(batch, partner, l, classes);
  };
}

BatchStep cutmix(double alpha, std::int64_t classes) {
  check("cutmix", alpha, classes);
  return [alpha, classes](Batch& batch, RandomStream& random) {
    const double l = draw_beta(alpha, random);
    const auto partner = partners(batch.size(), random);
    for (Tensor& t : batch.inputs) {
      if (t.dtype() != f32 || t.rank() != 4) {
        throw ShapeError("cutmix: pictures f32 [n, channels, height, width] expected, these are " +
                         to_string(t.spec()));
      }
      const std::int64_t h = t.size(2);
      const std::int64_t w = t.size(3);
      if (h * w == 0) continue;
      const double side = std::sqrt(1 - l);
      const auto half_w = static_cast<std::int64_t>(side * static_cast<double>(w)) / 2;
      const auto half_h = static_cast<std::int64_t>(side * static_cast<double>(h)) / 2;
      const auto cx = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(w)));
      const auto cy = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(h)));
      const std::int64_t x0 = std::clamp<std::int64_t>(cx - half_w, 0, w);
      const std::int64_t x1 = std::clamp<std::int64_t>(cx + half_w, 0, w);
      const std::int64_t y0 = std::clamp<std::int64_t>(cy - half_h, 0, h);
      const std::int64_t y1 = std::clamp<std::int64_t>(cy + half_h, 0, h);
      t = paste(t, partner, x0, x1, y0, y1);
      if (&t == &batch.inputs[0]) {
        const double area = static_cast<double>((x1 - x0) * (y1 - y0));
        blend_targets(batch, partner, static_cast<float>(1 - area / static_cast<double>(h * w)),
                      classes);
      }
    }
  };
}

BatchStep one_of(std::vector<BatchStep> steps) {
  if (steps.empty()) throw ValueError("one_of: no steps");
  return [steps = std::move(steps)](Batch& batch, RandomStream& random) {
    steps[static_cast<std::size_t>(random.below(steps.size()))](batch, random);
  };
}

}  // namespace nacre::data
