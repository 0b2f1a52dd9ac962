#include "nacre/optim/lbfgs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nacre/base/callable.h"
#include "nacre/ops/reduce/finite.h"

namespace nacre::optim {
namespace {

using Vector = std::vector<double>;

constexpr double kDecrease = 1e-4;  // c1
constexpr double kCurvature = 0.9;  // c2
constexpr int kSearchSteps = 25;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Vector& a) {
  double most = 0;
  for (const double x : a) most = std::max(most, std::abs(x));
  return most;
}

bool all_finite(const Vector& a) {
  return std::all_of(a.begin(), a.end(), [](double x) { return std::isfinite(x); });
}

void append(Vector& to, const Tensor& t) {
  const Vector values = t.to_vector<double>();
  to.insert(to.end(), values.begin(), values.end());
}

void scatter(const nn::NamedVariables& parameters, const Vector& values) {
  auto at = values.begin();
  for (const nn::NamedVariable& p : parameters) {
    const Spec spec = p.cell->value.spec();
    const auto end = at + spec.elements();
    assign(p.cell, Tensor::from(Vector(at, end), spec.shape).to(spec.dtype));
    at = end;
  }
}

}  // namespace

LBFGS::LBFGS(const LBFGSOptions& options) : options_(options) {
  if (options.max_iterations < 1 || options.history < 1) {
    throw ValueError(fmt::format("LBFGS: max_iterations {} and history {} must be at least 1",
                                 options.max_iterations, options.history));
  }
  if (!(options.tolerance_gradient >= 0 && options.tolerance_change >= 0)) {
    throw ValueError(
        fmt::format("LBFGS: tolerance_gradient {} and tolerance_change {} must be at "
                    "least 0",
                    options.tolerance_gradient, options.tolerance_change));
  }
}

// The two-loop recursion: minus the inverse curvature times the gradient.
Vector LBFGS::direction(const Vector& gradient) const {
  Vector q = gradient;
  Vector shares(pairs_.size());
  for (std::size_t i = pairs_.size(); i-- > 0;) {
    const auto& [s, y] = pairs_[i];
    shares[i] = dot(s, q) / dot(s, y);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] -= shares[i] * y[k];
  }
  if (!pairs_.empty()) {
    const auto& [s, y] = pairs_.back();
    const double scale = dot(s, y) / dot(y, y);
    for (double& x : q) x *= scale;
  }
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const auto& [s, y] = pairs_[i];
    const double back = dot(y, q) / dot(s, y);
    for (std::size_t k = 0; k < q.size(); ++k) q[k] += (shares[i] - back) * s[k];
  }
  for (double& x : q) x = -x;
  return q;
}

void LBFGS::remember(Vector step, Vector change) {
  // Without positive curvature the pair would spoil the estimate.
  if (dot(step, change) <= 1e-10 * dot(change, change)) return;
  pairs_.emplace_back(std::move(step), std::move(change));
  if (pairs_.size() > static_cast<std::size_t>(options_.history)) pairs_.pop_front();
}

// Narrows [low, high] down to a point that satisfies both conditions.
LBFGS::Point LBFGS::zoom(const std::function<Point(double)>& at, const Point& start, Point low,
                         Point high) const {
  for (int i = 0; i < kSearchSteps; ++i) {
    // The minimum of the parabola through low's value and slope and high's value, kept inside.
    const double width = high.step - low.step;
    const double bend = high.value - low.value - low.slope * width;
    double step = low.step + (bend > 0 ? -0.5 * low.slope * width * width / bend : 0.5 * width);
    const double edge = 0.1 * std::abs(width);
    const auto [least, most] = std::minmax(low.step, high.step);
    if (!std::isfinite(step) || step < least + edge || step > most - edge) {
      step = 0.5 * (low.step + high.step);
    }
    Point now = at(step);
    if (!(now.value <= start.value + kDecrease * step * start.slope) || now.value >= low.value) {
      high = std::move(now);
    } else {
      if (std::abs(now.slope) <= -kCurvature * start.slope) return now;
      if (now.slope * width >= 0) high = low;
      low = std::move(now);
    }
    if (std::abs(high.step - low.step) < 1e-16) break;
  }
  return low;
}

LBFGS::Point LBFGS::search(const std::function<Point(double)>& at, const Point& start,
                           double first) const {
  Point before = start;
  double step = first;
  for (int i = 0; i < kSearchSteps; ++i) {
    Point now = at(step);
    const bool rises = !(now.value <= start.value + kDecrease * step * start.slope);
    if (rises || (i > 0 && now.value >= before.value)) return zoom(at, start, before, now);
    if (std::abs(now.slope) <= -kCurvature * start.slope) return now;
    if (now.slope >= 0) return zoom(at, start, now, before);
    before = std::move(now);
    step *= 2;
  }
  return before;
}

nn::StateMap LBFGS::state() const {
  nn::StateMap out;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    out.emplace(fmt::format("step/{:04}", i), Tensor::from(pairs_[i].first));
    out.emplace(fmt::format("change/{:04}", i), Tensor::from(pairs_[i].second));
  }
  return out;
}

void LBFGS::load_state(const nn::StateMap& values) {
  pairs_.clear();
  for (const auto& [name, value] : values) {
    if (!name.starts_with("step/")) continue;
    const auto change = values.find("change/" + name.substr(5));
    if (change == values.end() || change->second.elements() != value.elements()) {
      throw ValueError("LBFGS: the state has no \"change\" that fits \"" + name + "\"");
    }
    pairs_.emplace_back(value.to_vector<double>(), change->second.to_vector<double>());
  }
}

double LBFGS::minimize(const nn::NamedVariables& parameters, const Function& function) {
  require_callable(function, "LBFGS");
  Vector x;
  for (const nn::NamedVariable& p : parameters) append(x, p.value());
  if (!pairs_.empty() && pairs_.front().first.size() != x.size()) pairs_.clear();
  std::string culprit;  // the first parameter whose gradient is not finite
  const auto evaluate = [&](const Vector& place, const Vector& along) {
    scatter(parameters, place);
    const auto [value, gradients] = function();
    Point point{0, value.item<double>(), 0, {}};
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      append(point.gradient, gradients[i]);
      if (!culprit.empty() || i >= parameters.size()) continue;
      if (first_non_finite(Tensors{gradients[i]}).item<std::int64_t>() == 0) {
        culprit = parameters[i].name;
      }
    }
    if (point.gradient.size() != place.size()) {
      throw ShapeError(fmt::format("LBFGS: the gradients have {} elements, the parameters {}",
                                   point.gradient.size(), place.size()));
    }
    point.slope = along.empty() ? 0 : dot(point.gradient, along);
    return point;
  };
  Point now = evaluate(x, {});
  if (!std::isfinite(now.value) || !all_finite(now.gradient)) {
    throw GradientError(culprit.empty() ? std::string("LBFGS: the value is not finite at the start")
                                        : "LBFGS: the gradient of \"" + culprit +
                                              "\" is not finite at the start");
  }
  for (iterations_ = 0; iterations_ < options_.max_iterations; ++iterations_) {
    if (largest(now.gradient) <= options_.tolerance_gradient) break;
    Vector along = direction(now.gradient);
    now.slope = dot(now.gradient, along);
    if (!(now.slope < 0)) {  // the estimate went wrong: start over with the steepest descent
      pairs_.clear();
      along = direction(now.gradient);
      now.slope = dot(now.gradient, along);
    }
    now.step = 0;
    double total = 0;
    for (const double g : now.gradient) total += std::abs(g);
    const auto at = [&](double step) {
      Vector place = x;
      for (std::size_t i = 0; i < place.size(); ++i) place[i] += step * along[i];
      Point point = evaluate(place, along);
      point.step = step;
      return point;
    };
    const Point next = search(at, now, pairs_.empty() ? std::min(1.0, 1 / total) : 1.0);
    if (next.step == 0) break;
    Vector step = along;
    Vector change = next.gradient;
    for (std::size_t i = 0; i < x.size(); ++i) {
      step[i] *= next.step;
      x[i] += step[i];
      change[i] -= now.gradient[i];
    }
    const double moved = std::max(largest(step), std::abs(next.value - now.value));
    remember(std::move(step), std::move(change));
    now = next;
    if (moved <= options_.tolerance_change) break;
  }
  scatter(parameters, x);
  return now.value;
}

}  // namespace nacre::optim
