#include <algorithm>
#include <cmath>

#include "nacre/optim/rule.h"

namespace nacre::optim {
namespace {

// The factor of the singular value decomposition that is nearest to x: U V^T, roughly, by a
// quintic iteration whose coefficients give a fast rise of small singular values.
Tensor nearly_orthogonal(const Tensor& matrix, std::int64_t iterations, double epsilon) {
  constexpr double kA = 3.4445;
  constexpr double kB = -4.7750;
  constexpr double kC = 2.0315;
  const bool tall = matrix.size(0) > matrix.size(1);
  Tensor x = tall ? transpose(matrix) : matrix;
  const auto [scale, root] = norm_parts({x});
  x = x / scale.to(x.dtype()) / maximum(root, epsilon / scale).to(x.dtype());
  for (std::int64_t i = 0; i < iterations; ++i) {
    const Tensor gram = matmul(x, x, {.transpose_b = true});
    const Tensor mix = kB * gram + kC * matmul(gram, gram);
    x = kA * x + matmul(mix, x);
  }
  return tall ? transpose(x) : x;
}

struct MuonRule final : RuleOf<MuonRule, MuonOptions> {
  using RuleOf::RuleOf;
  std::string name() const override { return "muon"; }
  Tensors scalars(const Tensor& rate, const Tensor& step) const override {
    return adam_scalars(rate, step, o.beta1, o.beta2);
  }
  Tensor apply(const Update& u) const override {
    const Tensor value = decayed(u, u.scalars[2]);
    if (u.value.rank() < 2) {
      return adam_step(u, value, u.gradient, o.beta1, o.beta2, 1e-8, false);
    }
    const Tensor m = move_average(u.slot("momentum", 0), o.momentum, u.gradient);
    const Tensor direction = o.nesterov ? (1 - o.momentum) * u.gradient + o.momentum * m : m;
    const std::int64_t rows = u.value.size(0);
    const std::int64_t columns = u.value.elements() / rows;
    const Tensor step =
        nearly_orthogonal(reshape(direction, Shape{rows, columns}), o.iterations, o.epsilon);
    const double scale =
        std::sqrt(std::max(1.0, static_cast<double>(rows) / static_cast<double>(columns)));
    return value - u.scalars[2] * scale * reshape(step, u.value.shape());
  }
};

}  // namespace

Muon::Muon(const MuonOptions& o)
    : Optimizer(std::make_unique<MuonRule>(o), o.learning_rate, o.weight_decay) {
  expect_share("Muon", "momentum", o.momentum);
  expect_share("Muon", "beta1", o.beta1);
  expect_share("Muon", "beta2", o.beta2);
  expect_epsilon("Muon", o.epsilon);
  if (o.iterations < 1) throw ValueError("Muon: iterations must be at least 1");
}

}  // namespace nacre::optim
