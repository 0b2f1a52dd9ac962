// L-BFGS: minimises a smooth function of all parameters on the whole data.
#pragma once

#include <deque>
#include <functional>

#include "nacre/nn/module.h"

namespace nacre::optim {

struct LBFGSOptions {
  std::int64_t max_iterations = 20;  // in one call of minimize()
  std::int64_t history = 10;         // how many pairs of step and gradient change are kept
  double tolerance_gradient = 1e-7;  // stops when no gradient element is larger
  double tolerance_change = 1e-9;    // stops when neither the value nor any element changes by more
  // Model::fit refuses batches that are not the whole data, whose values a line search cannot
  // compare, unless this is set.
  bool mini_batches = false;
};

// Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989, with a
// line search for the strong Wolfe conditions (Nocedal and Wright, "Numerical Optimization",
// algorithms 3.5 and 3.6; c1 = 1e-4, c2 = 0.9). Works on concrete values, in double: the function
// may be compiled, minimize() may not be traced.
//
//   optim::LBFGS lbfgs;
//   lbfgs.minimize(nn::parameters(net), [&] {
//     return value_and_grad([&] { return loss::mse()(net(x), y); }, net)();
//   });
class LBFGS {
 public:
  // The value at the current parameters, and one gradient a parameter.
  using Function = std::function<std::pair<Tensor, Tensors>()>;

  // Throws ValueError for counts below 1 and tolerances below 0.
  explicit LBFGS(const LBFGSOptions& options = {});

  // Changes the parameters; returns the last value. What was learned of the curvature is kept for
  // the next call. Throws ShapeError when gradients do not fit, GradientError when the first value
  // or gradient is not finite (it names the parameter), ValueError for an empty function.
  double minimize(const nn::NamedVariables& parameters, const Function& function);
  std::int64_t iterations() const { return iterations_; }  // of the last call
  const LBFGSOptions& options() const { return options_; }

  // What was learned of the curvature, by name, to be saved and restored.
  nn::StateMap state() const;
  void load_state(const nn::StateMap& values);

 private:
  using Vector = std::vector<double>;
  struct Point {
    double step = 0;
    double value = 0;
    double slope = 0;  // along the direction
    Vector gradient;
  };
  Vector direction(const Vector& gradient) const;
  Point search(const std::function<Point(double)>& at, const Point& start, double first) const;
  Point zoom(const std::function<Point(double)>& at, const Point& start, Point low,
             Point high) const;
  void remember(Vector step, Vector change);

  LBFGSOptions options_;
  std::deque<std::pair<Vector, Vector>> pairs_;  // steps and changes of the gradient
  std::int64_t iterations_ = 0;
};

}  // namespace nacre::optim
