// Learning rates as functions of the step, made of ops: a compiled step carries its schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "nacre/tensor/tensor.h"

namespace nacre::optim {

// The rate of step 0, 1, 2, ... A number is a constant schedule.
class Schedule {
 public:
  // `rate` takes the step as an f64 scalar and gives the rate as an f64 scalar.
  using Function = std::function<Tensor(const Tensor& step)>;

  Schedule(double constant);  // NOLINT: implicit
  // Throws ValueError for an empty function.
  Schedule(std::string name, Function rate);

  bool is_constant() const { return !rate_; }
  double constant() const { return constant_; }
  const std::string& name() const { return name_; }
  Tensor operator()(const Tensor& step) const;
  double at(std::int64_t step) const;
  // The same for copies, another for each that was made on its own; 0 for constants.
  std::uint64_t number() const { return number_; }

  // The same after a linear rise from `from` to this schedule's first rate over `steps` steps;
  // the schedule itself starts after the rise.
  Schedule with_warmup(std::int64_t steps, double from = 0) const;

 private:
  std::string name_;
  double constant_ = 0;
  std::uint64_t number_ = 0;
  Function rate_;
};

// The functions below throw ValueError for rates that are negative or not finite, fewer than one
// step, and options that have no use together.
namespace schedule {

// rate * gamma^floor(step / every).
Schedule step_decay(double rate, std::int64_t every, double gamma = 0.1);
// rate * gamma^(step / every).
Schedule exponential(double rate, double gamma, std::int64_t every = 1);

struct CosineOptions {
  double rate = 0.1;
  std::int64_t steps = 1000;  // in the first period
  double minimum = 0;         // the rate at the end of a period
  bool restarts = false;      // false: stays at `minimum` afterwards
  double period_factor = 1;   // each period is this much longer than the one before
  double rate_factor = 1;     // and starts at this share of the one before
};
// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
Schedule cosine(const CosineOptions& options);

struct OneCycleOptions {
  double maximum = 0.1;
  std::int64_t steps = 1000;   // in the whole cycle
  double warm_share = 0.3;     // of the steps, during which the rate rises
  double start_divisor = 25;   // the first rate is maximum / start_divisor
  double final_divisor = 1e4;  // the last is the first / final_divisor
};
// Smith and Topin, "Super-convergence", 2018, with cosine slopes as in PyTorch's OneCycleLR.
Schedule one_cycle(const OneCycleOptions& options);

// (rate - end) * (1 - min(step, steps) / steps)^power + end.
Schedule polynomial(double rate, std::int64_t steps, double end = 0, double power = 1);
// From `from` to `rate` over `steps` steps, then `rate`.
Schedule linear_warmup(double rate, std::int64_t steps, double from = 0);

}  // namespace schedule
}  // namespace nacre::optim
