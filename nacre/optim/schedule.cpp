#include "nacre/optim/schedule.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <numbers>

#include "nacre/base/callable.h"
#include "nacre/ops/api.h"

namespace nacre::optim {
namespace {

void expect_steps(const char* name, std::int64_t steps) {
  if (steps < 1) throw ValueError(fmt::format("{}: {} steps; at least 1 expected", name, steps));
}

void expect_rate(const char* name, const char* option, double value) {
  if (value >= 0 && std::isfinite(value)) return;
  throw ValueError(
      fmt::format("{}: {} = {}; it must be finite and at least 0", name, option, value));
}

// The largest whole number <= x for x >= 0: a cast rounds toward zero.
Tensor floor_of(const Tensor& x) { return x.to(i64).to(f64); }

// From a to b on half a cosine wave, t in [0, 1].
Tensor cosine_slope(double a, double b, const Tensor& t) {
  return b + (a - b) / 2 * (cos(t * std::numbers::pi) + 1);
}

}  // namespace

Schedule::Schedule(double constant) : name_("constant"), constant_(constant) {
  if (!(constant >= 0) || !std::isfinite(constant)) {
    throw ValueError(
        fmt::format("schedule: a rate of {}; it must be finite and at least 0", constant));
  }
}

Schedule::Schedule(std::string name, Function rate)
    : name_(std::move(name)), rate_(std::move(rate)) {
  require_callable(rate_, "schedule");
  static std::atomic<std::uint64_t> next{1};
  number_ = next++;
}

Tensor Schedule::operator()(const Tensor& step) const {
  return rate_ ? rate_(step) : full_like(step, constant_);
}

double Schedule::at(std::int64_t step) const {
  return (*this)(Tensor::scalar(static_cast<double>(step), f64)).item<double>();
}

Schedule Schedule::with_warmup(std::int64_t steps, double from) const {
  expect_steps("with_warmup", steps);
  expect_rate("with_warmup", "from", from);
  const double n = static_cast<double>(steps);
  const Schedule after = *this;
  const double target = at(0);
  return {"warmup+" + name_, [=](const Tensor& step) {
            const Tensor rise = from + (target - from) / n * step;
            return where(less(step, n), rise, after(maximum(step - n, 0)));
          }};
}

namespace schedule {

Schedule step_decay(double rate, std::int64_t every, double gamma) {
  expect_steps("step_decay", every);
  expect_rate("step_decay", "rate", rate);
  expect_rate("step_decay", "gamma", gamma);
  const double n = static_cast<double>(every);
  return {"step", [=](const Tensor& step) {
            // Half a step of slack keeps the quotient of whole numbers on its side of the edge.
            return rate * pow(full_like(step, gamma), floor_of((step + 0.5) / n));
          }};
}

Schedule exponential(double rate, double gamma, std::int64_t every) {
  expect_steps("exponential", every);
  expect_rate("exponential", "rate", rate);
  expect_rate("exponential", "gamma", gamma);
  const double n = static_cast<double>(every);
  return {"exponential",
          [=](const Tensor& step) { return rate * pow(full_like(step, gamma), step / n); }};
}

Schedule cosine(const CosineOptions& o) {
  expect_steps("cosine", o.steps);
  expect_rate("cosine", "rate", o.rate);
  expect_rate("cosine", "minimum", o.minimum);
  expect_rate("cosine", "rate_factor", o.rate_factor);
  const double n = static_cast<double>(o.steps);
  if (!o.restarts && (o.period_factor != 1 || o.rate_factor != 1)) {
    throw ValueError(fmt::format(
        "cosine: period_factor = {} and rate_factor = {} have no use without restarts = true",
        o.period_factor, o.rate_factor));
  }
  if (!o.restarts) {
    return {"cosine", [=](const Tensor& step) {
              return cosine_slope(o.rate, o.minimum, minimum(step / n, 1));
            }};
  }
  if (!(o.period_factor >= 1)) {
    throw ValueError(fmt::format("cosine: period_factor {} is below 1", o.period_factor));
  }
  const double f = o.period_factor;
  return {"cosine_restarts", [=](const Tensor& step) {
            Tensor period;
            Tensor t;
            if (f == 1) {
              period = floor_of((step + 0.5) / n);
              t = (step - period * n) / n;
            } else {
              // Periods n, nf, nf^2, ...: the k-th begins at n (f^k - 1) / (f - 1).
              period = floor_of(log((step + 0.5) / n * (f - 1) + 1) / std::log(f));
              const Tensor scale = pow(full_like(step, f), period);
              t = (step / n - (scale - 1) / (f - 1)) / scale;
            }
            const Tensor top = o.rate * pow(full_like(step, o.rate_factor), period);
            return o.minimum + (top - o.minimum) / 2 * (cos(t * std::numbers::pi) + 1);
          }};
}

Schedule one_cycle(const OneCycleOptions& o) {
  expect_steps("one_cycle", o.steps);
  expect_rate("one_cycle", "maximum", o.maximum);
  if (!(o.start_divisor > 0 && o.final_divisor > 0)) {
    throw ValueError(fmt::format("one_cycle: start_divisor {} and final_divisor {} must be above 0",
                                 o.start_divisor, o.final_divisor));
  }
  const double first = o.maximum / o.start_divisor;
  const double last = first / o.final_divisor;
  const double rise = o.warm_share * static_cast<double>(o.steps) - 1;
  const double fall = static_cast<double>(o.steps) - 1 - rise;
  if (!(rise > 0) || !(fall > 0)) {
    throw ValueError(fmt::format("one_cycle: {} steps with warm_share {} leave no rise or no fall",
                                 o.steps, o.warm_share));
  }
  return {"one_cycle", [=](const Tensor& step) {
            const Tensor up = cosine_slope(first, o.maximum, step / rise);
            const Tensor down = cosine_slope(o.maximum, last, minimum((step - rise) / fall, 1));
            return where(less_equal(step, rise), up, down);
          }};
}

Schedule polynomial(double rate, std::int64_t steps, double end, double power) {
  expect_steps("polynomial", steps);
  expect_rate("polynomial", "rate", rate);
  expect_rate("polynomial", "end", end);
  expect_rate("polynomial", "power", power);
  const double n = static_cast<double>(steps);
  return {"polynomial", [=](const Tensor& step) {
            const Tensor left = 1 - minimum(step / n, 1);
            return (rate - end) * pow(left, power) + end;
          }};
}

Schedule linear_warmup(double rate, std::int64_t steps, double from) {
  return Schedule(rate).with_warmup(steps, from);
}

}  // namespace schedule
}  // namespace nacre::optim
