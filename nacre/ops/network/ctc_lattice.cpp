#include "nacre/ops/network/ctc_lattice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nacre/base/error.h"

namespace nacre {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b) + exp(c)).
double log_sum(double a, double b, double c) {
  const double top = std::max(a, std::max(b, c));
  if (top == kNever) return kNever;
  // The greatest of the three adds 1 exactly; the others are often not worth an exp.
  double sum = 0;
  for (const double v : {a, b, c}) {
    const double below = v - top;
    if (below > -40) sum += below == 0 ? 1 : std::exp(below);
  }
  return sum == 1 ? top : top + std::log(sum);
}

}  // namespace

std::size_t CtcSizes::workspace_bytes() const {
  const std::int64_t doubles = most_states() * (4 + time) + time + classes;
  return static_cast<std::size_t>(doubles) * sizeof(double);
}

CtcLattice::CtcLattice(const CtcSizes& sizes, void* workspace) : sizes_(sizes) {
  static_assert(sizeof(std::int64_t) == sizeof(double));
  const std::int64_t states = sizes.most_states();
  classes_ = static_cast<std::int64_t*>(workspace);
  emitted_ = static_cast<double*>(workspace) + states;
  beta_ = emitted_ + states;
  next_ = beta_ + states;
  alpha_ = next_ + states;
  log_total_ = alpha_ + sizes.time * states;
  share_ = log_total_ + sizes.time;
}

void CtcLattice::set_labels(const std::int64_t* labels, std::int64_t steps) {
  if (steps < 1 || steps > sizes_.time) {
    throw ValueError(
        fmt::format("ctc_loss: a sequence of {} steps, 1 to {} expected", steps, sizes_.time));
  }
  steps_ = steps;
  std::int64_t count = 0;
  while (count < sizes_.length && labels[count] >= 0) {
    if (labels[count] >= sizes_.classes || labels[count] == sizes_.blank) {
      throw ValueError(fmt::format("ctc_loss: label {} is {}", labels[count],
                                   labels[count] == sizes_.blank
                                       ? std::string("the blank")
                                       : fmt::format("not one of {} classes", sizes_.classes)));
    }
    ++count;
  }
  states_ = 2 * count + 1;
  for (std::int64_t s = 0; s < states_; ++s) {
    classes_[s] = s % 2 == 1 ? labels[s / 2] : sizes_.blank;
  }
}

template <class T>
void CtcLattice::read_step(const T* logits, std::int64_t t) {
  const T* row = logits + t * sizes_.classes;
  double& log_total = log_total_[t];
  const double top = static_cast<double>(*std::max_element(row, row + sizes_.classes));
  double total = 0;
  for (std::int64_t k = 0; k < sizes_.classes; ++k) {
    total += std::exp(static_cast<double>(row[k]) - top);
  }
  log_total = top + std::log(total);
  for (std::int64_t s = 0; s < states_; ++s) {
    emitted_[s] = static_cast<double>(row[classes_[s]]) - log_total;
  }
}

void CtcLattice::forward_step(const double* before, double* now) const {
  for (std::int64_t s = 0; s < states_; ++s) {
    const double skipped = may_skip(s) ? before[s - 2] : kNever;
    now[s] = log_sum(before[s], s > 0 ? before[s - 1] : kNever, skipped) + emitted_[s];
  }
}

template <class T>
double CtcLattice::loss(const T* logits) {
  const std::int64_t width = sizes_.most_states();
  for (std::int64_t t = 0; t < steps_; ++t) {
    read_step(logits, t);
    double* now = alpha_ + t * width;
    if (t > 0) {
      forward_step(now - width, now);
      continue;
    }
    std::fill_n(now, states_, kNever);
    for (std::int64_t s = 0; s < std::min<std::int64_t>(2, states_); ++s) now[s] = emitted_[s];
  }
  // It ends in the last label or in the blank after it.
  const double* last = alpha_ + (steps_ - 1) * width;
  return -log_sum(last[states_ - 1], states_ > 1 ? last[states_ - 2] : kNever, kNever);
}

template <class T>
void CtcLattice::gradient(const T* logits, double ct, T* out) {
  const double total = loss(logits);
  const std::int64_t classes = sizes_.classes;
  std::fill_n(out, sizes_.time * classes, T(0));
  if (!std::isfinite(total)) return;
  const std::int64_t width = sizes_.most_states();
  for (std::int64_t t = steps_ - 1; t >= 0; --t) {
    if (t == steps_ - 1) {
      std::fill_n(beta_, states_, kNever);
      for (std::int64_t s = std::max<std::int64_t>(0, states_ - 2); s < states_; ++s) {
        beta_[s] = 0;
      }
    } else {
      // next_: where one goes to, with what is emitted there (emitted_ is still of step t + 1).
      for (std::int64_t s = 0; s < states_; ++s) {
        next_[s] = beta_[s] + emitted_[s];
      }
      for (std::int64_t s = 0; s < states_; ++s) {
        const bool skips = s + 2 < states_ && may_skip(s + 2);
        beta_[s] = log_sum(next_[s], s + 1 < states_ ? next_[s + 1] : kNever,
                           skips ? next_[s + 2] : kNever);
      }
    }
    read_step(logits, t);
    std::fill_n(share_, classes, 0.0);
    const double* alpha = alpha_ + t * width;
    for (std::int64_t s = 0; s < states_; ++s) {
      share_[classes_[s]] += std::exp(alpha[s] + beta_[s] + total);
    }
    const double log_total = log_total_[t];
    for (std::int64_t k = 0; k < classes; ++k) {
      const double p = std::exp(static_cast<double>(logits[t * classes + k]) - log_total);
      out[t * classes + k] = static_cast<T>(ct * (p - share_[k]));
    }
  }
}

template double CtcLattice::loss(const float*);
template double CtcLattice::loss(const double*);
template void CtcLattice::gradient(const float*, double, float*);
template void CtcLattice::gradient(const double*, double, double*);

}  // namespace nacre
