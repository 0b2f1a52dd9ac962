// Generator: where random numbers come from. Its state is a Variable, so a compiled step carries it
// from call to call and a checkpoint can hold it.
#pragma once

#include "nacre/ops/random/dropout.h"
#include "nacre/ops/random/random.h"
#include "nacre/run/mode.h"
#include "nacre/run/variable.h"

namespace nacre {

// Draws through the functions of ops/random/random.h, with a new key each time. A copy draws the
// same numbers as the original would. Eager draws of several threads from one generator are safe
// but come in no fixed order; give each thread its own (split).
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0, std::string name = "generator");

  // Starts again from a seed. Throws TraceError within a traced function.
  void set_seed(std::uint64_t seed);
  // {seed, number of draws so far}: i64[2], not trainable.
  Variable& state() { return state_; }
  const Variable& state() const { return state_; }

  // A key that was never handed out before.
  Tensor next_key();
  // An independent generator. Throws TraceError within a traced function, where split_key does it.
  Generator split();

  Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = f32,
                 Location at = std::source_location::current());
  Tensor normal(const Shape& shape, double mean = 0, double stddev = 1, DType dtype = f32,
                Location at = std::source_location::current());
  Tensor truncated_normal(const Shape& shape, double mean = 0, double stddev = 1, double low = -2,
                          double high = 2, DType dtype = f32,
                          Location at = std::source_location::current());
  Tensor exponential(const Shape& shape, DType dtype = f32,
                     Location at = std::source_location::current());
  Tensor gumbel(const Shape& shape, DType dtype = f32,
                Location at = std::source_location::current());
  Tensor integers(const Shape& shape, std::int64_t low, std::int64_t high, DType dtype = i64,
                  Location at = std::source_location::current());
  Tensor bernoulli(const Shape& shape, const Operand& probability = 0.5, DType dtype = f32,
                   Location at = std::source_location::current());
  Tensor gamma(const Shape& shape, const Operand& concentration,
               Location at = std::source_location::current());
  Tensor permutation(std::int64_t count, Location at = std::source_location::current());
  Tensor categorical(const Operand& logits, std::int64_t samples = 0);
  Tensor gumbel_softmax(const Operand& logits, double temperature = 1, bool hard = false);

 private:
  Variable state_;
};

// The generator of functions that are given none.
Generator& default_generator();
// Seeds the default generator and the initial values of layers that are made from now on. Until it
// is called the seed is 0: a program gives the same numbers each time it runs.
void manual_seed(std::uint64_t seed);
// A seed for the initial values of something, different at each call.
std::uint64_t next_initial_seed();
// Draws of the default generator, by PyTorch's names: uniform in [0, 1), standard normal, whole
// numbers in [low, high), and 0 .. count-1 in random order.
Tensor rand(const Shape& shape, DType dtype = f32, Location at = std::source_location::current());
Tensor randn(const Shape& shape, DType dtype = f32, Location at = std::source_location::current());
// The same of sizes one after the other, randn(2, 3), and of the shape and dtype of another tensor.
template <SizeOrDType... Rest>
Tensor rand(First first, Rest... rest) {
  const Spec spec = listed_spec(first.value, rest...);
  return rand(spec.shape, spec.dtype, first.at);
}
template <SizeOrDType... Rest>
Tensor randn(First first, Rest... rest) {
  const Spec spec = listed_spec(first.value, rest...);
  return randn(spec.shape, spec.dtype, first.at);
}
inline Tensor rand_like(const Operand& like) {
  return rand(like.tensor().shape(), like.dtype(), like.at());
}
inline Tensor randn_like(const Operand& like) {
  return randn(like.tensor().shape(), like.dtype(), like.at());
}
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype = i64,
               Location at = std::source_location::current());
// `size` of them.
template <WholeNumber N>
Tensor randint(std::int64_t low, std::int64_t high, N size,
               Location at = std::source_location::current()) {
  return randint(low, high, Shape{static_cast<std::int64_t>(size)}, i64, at);
}
inline Tensor randint(std::int64_t high, const Shape& shape,
                      Location at = std::source_location::current()) {
  return randint(0, high, shape, i64, at);
}
Tensor randperm(std::int64_t count, Location at = std::source_location::current());

// x while not training or at rate 0 (no key is used then); else dropout by the generator's next
// key. Whether it is training a TrainingScope says, when the call does not.
Tensor dropout(const Operand& x, double rate, bool training,
               Generator& generator = default_generator(),
               const std::vector<std::int64_t>& noise_shape = {});
Tensor alpha_dropout(const Operand& x, double rate, bool training,
                     Generator& generator = default_generator());
inline Tensor dropout(const Operand& x, double rate) { return dropout(x, rate, training()); }
inline Tensor alpha_dropout(const Operand& x, double rate) {
  return alpha_dropout(x, rate, training());
}

}  // namespace nacre
