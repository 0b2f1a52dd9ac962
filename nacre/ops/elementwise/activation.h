// Activation functions, elementwise. Integers are taken as f32, but for relu.
#pragma once

#include "nacre/ops/define/operand.h"

namespace nacre {

Tensor relu(const Operand& x);   // max(x, 0); gradient 0 at 0
Tensor relu6(const Operand& x);  // min(max(x, 0), 6); gradient 0 at 0 and at 6
// x where positive, slope * x elsewhere.
Tensor leaky_relu(const Operand& x, double slope = 0.01);
// leaky_relu with learned slopes: `weight` has one element, or one a channel (axis 1 of x; axis 0
// of a vector). Throws ShapeError when it fits neither.
Tensor prelu(const Operand& x, const Operand& weight);
// x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2015).
Tensor elu(const Operand& x, double alpha = 1);
// elu with alpha / scale such that mean 0 and variance 1 are kept (Klambauer et al., 2017).
Tensor selu(const Operand& x);
// x where positive, alpha * (exp(x / alpha) - 1) elsewhere (Barron, 2017). Throws ValueError for
// alpha 0.
Tensor celu(const Operand& x, double alpha = 1);

Tensor sigmoid(const Operand& x);  // 1 / (1 + exp(-x))
// log(sigmoid(x)), without overflow.
Tensor log_sigmoid(const Operand& x);
// log(1 + exp(beta * x)) / beta, without overflow. Throws ValueError unless beta > 0.
Tensor softplus(const Operand& x, double beta = 1);
// x / (1 + |x|).
Tensor softsign(const Operand& x);
// x * P(N(0, 1) <= x) (Hendrycks and Gimpel, 2016): by erf, or by their formula with tanh.
Tensor gelu(const Operand& x, bool approximate = false);
Tensor silu(const Operand& x);  // x * sigmoid(x), also called swish
// x * tanh(softplus(x)) (Misra, 2019).
Tensor mish(const Operand& x);

// Piecewise linear stand-ins (Howard et al., 2019). The gradient of a clamped part is 0 at its
// bounds, as in PyTorch.
Tensor hard_sigmoid(const Operand& x);  // clamp(x / 6 + 1 / 2, 0, 1)
Tensor hard_swish(const Operand& x);    // x * hard_sigmoid(x)
Tensor hard_tanh(const Operand& x, double low = -1, double high = 1);
// 0 where |x| <= lambda; hard_shrink keeps x elsewhere, soft_shrink moves it by lambda toward 0.
// Throw ValueError for a negative lambda.
Tensor hard_shrink(const Operand& x, double lambda = 0.5);
Tensor soft_shrink(const Operand& x, double lambda = 0.5);
Tensor tanh_shrink(const Operand& x);  // x - tanh(x)
// x where x > limit, `value` elsewhere.
Tensor threshold(const Operand& x, double limit, double value);

}  // namespace nacre
