#include "nacre/run/generator.h"

#include <atomic>
#include <mutex>

#include "nacre/base/random.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/shape/movement.h"

namespace nacre {
namespace {

Tensor state_of(std::uint64_t seed) {
  return Tensor::from(std::vector<std::int64_t>{static_cast<std::int64_t>(seed), 0});
}

// Guards the step from one key to the next, of all generators.
std::mutex& stepping() {
  static std::mutex mutex;
  return mutex;
}

[[noreturn]] void fail_traced(std::string_view what, std::string_view hint) {
  throw TraceError(format_error({.op = "generator", .what = what, .hint = hint}));
}

}  // namespace

Generator::Generator(std::uint64_t seed, std::string name)
    : state_(state_of(seed), std::move(name), false) {}

void Generator::set_seed(std::uint64_t seed) {
  const std::lock_guard lock(stepping());
  if (state_.value().is_traced()) {
    fail_traced("set_seed within a traced function", "set the seed before the step");
  }
  state_.assign(state_of(seed));
}

Tensor Generator::next_key() {
  static const Tensor step = Tensor::from(std::vector<std::int64_t>{0, 1});
  const std::lock_guard lock(stepping());
  const Tensor key = state_.value();
  state_.assign(key + step);
  return key;
}

Generator Generator::split() {
  const Tensor key = next_key();
  if (key.is_traced()) {
    fail_traced("split within a traced function",
                "split before the step, or use split_key(generator.next_key())");
  }
  Generator child;
  child.state_ = Variable(reshape(split_key(key, 1), Shape{2}), state_.name(), false);
  return child;
}

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype, Location at) {
  return random_uniform({next_key(), at}, shape, low, high, dtype);
}
Tensor Generator::normal(const Shape& shape, double mean, double stddev, DType dtype, Location at) {
  return random_normal({next_key(), at}, shape, mean, stddev, dtype);
}
Tensor Generator::truncated_normal(const Shape& shape, double mean, double stddev, double low,
                                   double high, DType dtype, Location at) {
  return random_truncated_normal({next_key(), at}, shape, mean, stddev, low, high, dtype);
}
Tensor Generator::exponential(const Shape& shape, DType dtype, Location at) {
  return random_exponential({next_key(), at}, shape, dtype);
}
Tensor Generator::gumbel(const Shape& shape, DType dtype, Location at) {
  return random_gumbel({next_key(), at}, shape, dtype);
}
Tensor Generator::integers(const Shape& shape, std::int64_t low, std::int64_t high, DType dtype,
                           Location at) {
  return random_integers({next_key(), at}, shape, low, high, dtype);
}
Tensor Generator::bernoulli(const Shape& shape, const Operand& probability, DType dtype,
                            Location at) {
  return random_bernoulli({next_key(), at}, shape, probability, dtype);
}
Tensor Generator::gamma(const Shape& shape, const Operand& concentration, Location at) {
  return random_gamma({next_key(), at}, shape, concentration);
}
Tensor Generator::permutation(std::int64_t count, Location at) {
  return random_permutation({next_key(), at}, count);
}
Tensor Generator::categorical(const Operand& logits, std::int64_t samples) {
  return random_categorical({next_key(), logits.at()}, logits, samples);
}
Tensor Generator::gumbel_softmax(const Operand& logits, double temperature, bool hard) {
  return nacre::gumbel_softmax({next_key(), logits.at()}, logits, temperature, hard);
}

Generator& default_generator() {
  static Generator generator(0, "default_generator");
  return generator;
}

namespace {
std::atomic<std::uint64_t> initial_seed{0};
std::atomic<std::uint64_t> initial_draws{0};
}  // namespace

void manual_seed(std::uint64_t seed) {
  default_generator().set_seed(seed);
  initial_seed = seed;
  initial_draws = 0;
}

std::uint64_t next_initial_seed() {
  const auto words = philox(initial_seed, 0x6e6e, initial_draws++);
  return (std::uint64_t{words[0]} << 32) | words[1];
}

Tensor rand(const Shape& shape, DType dtype, Location at) {
  return default_generator().uniform(shape, 0, 1, dtype, at);
}
Tensor randn(const Shape& shape, DType dtype, Location at) {
  return default_generator().normal(shape, 0, 1, dtype, at);
}
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, DType dtype, Location at) {
  return default_generator().integers(shape, low, high, dtype, at);
}
Tensor randperm(std::int64_t count, Location at) {
  return default_generator().permutation(count, at);
}

Tensor dropout(const Operand& x, double rate, bool training, Generator& generator,
               const std::vector<std::int64_t>& noise_shape) {
  if (!training || rate == 0) return x.tensor();
  return dropout(x, rate, generator.next_key(), noise_shape);
}

Tensor alpha_dropout(const Operand& x, double rate, bool training, Generator& generator) {
  if (!training || rate == 0) return x.tensor();
  return alpha_dropout(x, rate, generator.next_key());
}

}  // namespace nacre
