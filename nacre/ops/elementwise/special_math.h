// Special functions of one double, for reference kernels.
#pragma once

namespace nacre {

double inverse_erf(double x);
// The x below which a standard normal lies with probability p.
double normal_quantile(double p);
// log |Gamma(x)|; unlike std::lgamma it writes no global.
double log_gamma(double x);
double digamma_value(double x);
// The n-th derivative of digamma, n >= 1.
double polygamma_value(int n, double x);
// For z drawn from Gamma(a, 1): dz/da with P(a, z) held fixed (the implicit reparameterisation
// gradient, Figurnov et al., 2018).
double gamma_sample_derivative(double a, double z);

}  // namespace nacre
