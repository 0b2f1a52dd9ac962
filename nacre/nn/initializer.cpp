#include "nacre/nn/initializer.h"

#include <cmath>
#include <cstring>

#include "nacre/base/callable.h"
#include "nacre/base/random.h"
#include "nacre/base/text.h"
#include "nacre/run/generator.h"

namespace nacre::nn {
namespace {

// The standard deviation of a standard normal cut at two deviations: Keras divides by it so that
// the cut distribution has the wanted variance.
constexpr double kTruncatedDeviation = 0.87962566103423978;

double truncated(RandomStream& random) {
  for (;;) {
    const double x = random.normal();
    if (std::abs(x) <= 2) return x;
  }
}

enum class Mode { fan_in, fan_average };

Initializer scaled_uniform(std::string name, double scale, Mode mode, init::Seed seed) {
  return {std::move(name),
          [=](std::span<double> values, const Shape&, const Fans& fans, std::uint64_t key) {
            const double fan = mode == Mode::fan_in ? fans.in : (fans.in + fans.out) / 2;
            const double limit = std::sqrt(3 * scale / std::max(1.0, fan));
            RandomStream random(key);
            for (double& v : values) v = random.uniform(-limit, limit);
          },
          seed};
}

Initializer scaled_normal(std::string name, double scale, Mode mode, init::Seed seed) {
  return {std::move(name),
          [=](std::span<double> values, const Shape&, const Fans& fans, std::uint64_t key) {
            const double fan = mode == Mode::fan_in ? fans.in : (fans.in + fans.out) / 2;
            const double deviation = std::sqrt(scale / std::max(1.0, fan)) / kTruncatedDeviation;
            RandomStream random(key);
            for (double& v : values) v = deviation * truncated(random);
          },
          seed};
}

// Orthonormal rows by modified Gram-Schmidt, twice for accuracy; `rows` <= `columns`.
void orthonormalize(std::vector<double>& a, std::size_t rows, std::size_t columns) {
  for (std::size_t i = 0; i < rows; ++i) {
    double* row = a.data() + i * columns;
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        const double* other = a.data() + j * columns;
        double dot = 0;
        for (std::size_t k = 0; k < columns; ++k) dot += row[k] * other[k];
        for (std::size_t k = 0; k < columns; ++k) row[k] -= dot * other[k];
      }
    }
    double norm = 0;
    for (std::size_t k = 0; k < columns; ++k) norm += row[k] * row[k];
    norm = std::sqrt(norm);
    for (std::size_t k = 0; k < columns; ++k) row[k] /= norm;
  }
}

void fill_orthogonal(std::span<double> values, const Shape& shape, double gain,
                     std::uint64_t seed) {
  if (values.empty()) return;
  const std::size_t rows = shape.rank() < 2 ? 1 : static_cast<std::size_t>(shape[0]);
  const std::size_t columns = values.size() / rows;
  const bool tall = rows > columns;
  const std::size_t few = tall ? columns : rows;
  const std::size_t many = tall ? rows : columns;
  std::vector<double> a(values.size());
  RandomStream random(seed);
  for (double& v : a) v = random.normal();
  orthonormalize(a, few, many);
  for (std::size_t i = 0; i < few; ++i) {
    for (std::size_t j = 0; j < many; ++j) {
      values[tall ? j * columns + i : i * columns + j] = gain * a[i * many + j];
    }
  }
}

struct Known {
  std::string_view name;
  Initializer (*make)();
};
constexpr Known kKnown[] = {
    {"zeros", [] { return init::zeros(); }},
    {"ones", [] { return init::ones(); }},
    {"normal", [] { return init::normal(); }},
    {"truncated_normal", [] { return init::truncated_normal(); }},
    {"uniform", [] { return init::uniform(); }},
    {"glorot_uniform", [] { return init::glorot_uniform(); }},
    {"glorot_normal", [] { return init::glorot_normal(); }},
    {"he_uniform", [] { return init::he_uniform(); }},
    {"he_normal", [] { return init::he_normal(); }},
    {"lecun_uniform", [] { return init::lecun_uniform(); }},
    {"lecun_normal", [] { return init::lecun_normal(); }},
    {"orthogonal", [] { return init::orthogonal(); }},
};

}  // namespace

Fans fans_of(const Shape& shape) {
  if (shape.rank() == 0) return {};
  if (shape.rank() == 1) {
    return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  }
  double window = 1;
  for (int i = 2; i < shape.rank(); ++i) window *= static_cast<double>(shape[i]);
  return {static_cast<double>(shape[1]) * window, static_cast<double>(shape[0]) * window};
}

Initializer::Initializer(std::string name, Fill fill, std::optional<std::uint64_t> seed)
    : name_(std::move(name)), fill_(std::move(fill)), seed_(seed) {
  require_callable(fill_, "initializer");
}

Initializer::Initializer(const char* name) {
  *this = named_row("initializer", name, kKnown).make();
}

Tensor Initializer::operator()(const Shape& shape, DType dtype) const {
  return (*this)(shape, fans_of(shape), dtype, seed_ ? *seed_ : next_initial_seed());
}

Tensor Initializer::operator()(const Shape& shape, const Fans& fans, DType dtype,
                               std::uint64_t seed) const {
  const auto count = static_cast<std::size_t>(shape.elements());
  const Buffer memory = Buffer::allocate(count * sizeof(double));
  const std::span<double> values(static_cast<double*>(memory.data()), count);
  std::fill(values.begin(), values.end(), 0.0);  // a rule of the user's may leave some out
  fill_(values, shape, fans, seed_ ? *seed_ : seed);
  Tensor out(Spec{dtype, shape});
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto to = out.mutable_data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, bool>) {
        to[i] = values[i] != 0;
      } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>) {
        to[i] = static_cast<T>(values[i]);
      } else {
        to[i] = static_cast<T>(static_cast<float>(values[i]));
      }
    }
  });
  return out;
}

namespace init {

Initializer zeros() { return constant(0); }
Initializer ones() { return constant(1); }

Initializer constant(double value) {
  const std::string name = value == 0 ? "zeros" : value == 1 ? "ones" : "constant";
  // A seed of its own, so that constants do not shift the seeds of what follows.
  return {name,
          [value](std::span<double> values, const Shape&, const Fans&, std::uint64_t) {
            for (double& v : values) v = value;
          },
          0};
}

Initializer normal(double mean, double stddev, Seed seed) {
  return {"normal",
          [=](std::span<double> values, const Shape&, const Fans&, std::uint64_t key) {
            RandomStream random(key);
            for (double& v : values) v = mean + stddev * random.normal();
          },
          seed};
}

Initializer truncated_normal(double mean, double stddev, Seed seed) {
  return {"truncated_normal",
          [=](std::span<double> values, const Shape&, const Fans&, std::uint64_t key) {
            RandomStream random(key);
            for (double& v : values) v = mean + stddev * truncated(random);
          },
          seed};
}

Initializer uniform(double low, double high, Seed seed) {
  return {"uniform",
          [=](std::span<double> values, const Shape&, const Fans&, std::uint64_t key) {
            RandomStream random(key);
            for (double& v : values) v = random.uniform(low, high);
          },
          seed};
}

Initializer glorot_uniform(double gain, Seed seed) {
  return scaled_uniform("glorot_uniform", gain * gain, Mode::fan_average, seed);
}
Initializer glorot_normal(double gain, Seed seed) {
  return scaled_normal("glorot_normal", gain * gain, Mode::fan_average, seed);
}
Initializer he_uniform(Seed seed) { return scaled_uniform("he_uniform", 2, Mode::fan_in, seed); }
Initializer he_normal(Seed seed) { return scaled_normal("he_normal", 2, Mode::fan_in, seed); }
Initializer lecun_uniform(Seed seed) {
  return scaled_uniform("lecun_uniform", 1, Mode::fan_in, seed);
}
Initializer lecun_normal(Seed seed) { return scaled_normal("lecun_normal", 1, Mode::fan_in, seed); }

Initializer orthogonal(double gain, Seed seed) {
  return {"orthogonal",
          [gain](std::span<double> values, const Shape& shape, const Fans&, std::uint64_t key) {
            fill_orthogonal(values, shape, gain, key);
          },
          seed};
}

}  // namespace init
}  // namespace nacre::nn
