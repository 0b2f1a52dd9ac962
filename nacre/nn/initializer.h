// Initial values of parameters. Every initializer is a function of shape and seed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "nacre/tensor/tensor.h"

namespace nacre::nn {

// How many values an output depends on, and how many outputs an input reaches: a convolution counts
// its window.
struct Fans {
  double in = 1;
  double out = 1;
};
// Of a weight laid out as [out, in, window...]: the layout of Dense and of convolutions.
Fans fans_of(const Shape& shape);

class Initializer {
 public:
  using Fill = std::function<void(std::span<double> values, const Shape& shape, const Fans& fans,
                                  std::uint64_t seed)>;
  // None: the layer uses its default.
  Initializer() = default;
  // Throws ValueError for an empty function.
  Initializer(std::string name, Fill fill, std::optional<std::uint64_t> seed = {});
  // By name: "zeros", "ones", "glorot_uniform", "he_normal", "lecun_uniform", "orthogonal", ...
  // Throws ValueError that lists the names.
  Initializer(const char* name);

  explicit operator bool() const { return static_cast<bool>(fill_); }
  const std::string& name() const { return name_; }
  Tensor operator()(const Shape& shape, DType dtype = f32) const;
  // `seed` is used when the initialiser has none of its own.
  Tensor operator()(const Shape& shape, const Fans& fans, DType dtype, std::uint64_t seed) const;

 private:
  std::string name_;
  Fill fill_;
  std::optional<std::uint64_t> seed_;
};

namespace init {

using Seed = std::optional<std::uint64_t>;

Initializer zeros();
Initializer ones();
Initializer constant(double value);
Initializer normal(double mean = 0, double stddev = 0.05, Seed seed = {});
// Normal, drawn again beyond two standard deviations.
Initializer truncated_normal(double mean = 0, double stddev = 0.05, Seed seed = {});
Initializer uniform(double low = -0.05, double high = 0.05, Seed seed = {});
// Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
// 2010 (also known as Xavier): variance gain^2 * 2 / (fan in + fan out).
Initializer glorot_uniform(double gain = 1, Seed seed = {});
Initializer glorot_normal(double gain = 1, Seed seed = {});
// He et al., "Delving deep into rectifiers", 2015: variance 2 / fan in.
Initializer he_uniform(Seed seed = {});
Initializer he_normal(Seed seed = {});
// PyTorch's names of Glorot's and He's.
inline Initializer xavier_uniform(double gain = 1, Seed seed = {}) {
  return glorot_uniform(gain, seed);
}
inline Initializer xavier_normal(double gain = 1, Seed seed = {}) {
  return glorot_normal(gain, seed);
}
inline Initializer kaiming_uniform(Seed seed = {}) { return he_uniform(seed); }
inline Initializer kaiming_normal(Seed seed = {}) { return he_normal(seed); }
// LeCun et al., "Efficient BackProp", 1998: variance 1 / fan in.
Initializer lecun_uniform(Seed seed = {});
Initializer lecun_normal(Seed seed = {});
// Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
// networks", 2014: a random matrix [shape[0], rest] with orthonormal rows or columns.
Initializer orthogonal(double gain = 1, Seed seed = {});

}  // namespace init
}  // namespace nacre::nn
