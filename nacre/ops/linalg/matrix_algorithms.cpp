#include "nacre/ops/linalg/matrix_algorithms.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace nacre::matrix_algorithms {
namespace {
// The order of numbers with NaN last: an order for whatever there is.
bool before(double a, double b) { return a < b || (a == a && b != b); }
}  // namespace

bool eliminate(Matrix a, Matrix& b, std::size_t n, std::size_t k, double& sign, double& log) {
  sign = 1;
  log = 0;
  for (std::size_t c = 0; c < n; ++c) {
    std::size_t p = c;
    for (std::size_t i = c + 1; i < n; ++i) {
      if (std::fabs(a[i * n + c]) > std::fabs(a[p * n + c])) p = i;
    }
    if (a[p * n + c] == 0) {
      sign = 0;
      log = -INFINITY;
      return false;
    }
    if (p != c) {
      sign = -sign;
      for (std::size_t j = 0; j < n; ++j) std::swap(a[c * n + j], a[p * n + j]);
      for (std::size_t j = 0; j < k; ++j) std::swap(b[c * k + j], b[p * k + j]);
    }
    const double pivot = a[c * n + c];
    sign = pivot < 0 ? -sign : sign;
    log += std::log(std::fabs(pivot));
    for (std::size_t i = c + 1; i < n; ++i) {
      const double f = a[i * n + c] / pivot;
      for (std::size_t j = c; j < n; ++j) a[i * n + j] -= f * a[c * n + j];
      for (std::size_t j = 0; j < k; ++j) b[i * k + j] -= f * b[c * k + j];
    }
  }
  for (std::size_t c = n; c-- > 0;) {
    for (std::size_t j = 0; j < k; ++j) {
      double v = b[c * k + j];
      for (std::size_t i = c + 1; i < n; ++i) v -= a[c * n + i] * b[i * k + j];
      b[c * k + j] = v / a[c * n + c];
    }
  }
  return true;
}

bool cholesky(const Matrix& a, Matrix& l, std::size_t n) {
  l.assign(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double v = (a[i * n + j] + a[j * n + i]) / 2;
      for (std::size_t k = 0; k < j; ++k) v -= l[i * n + k] * l[j * n + k];
      if (i == j && !(v > 0)) return false;
      l[i * n + j] = i == j ? std::sqrt(v) : v / l[j * n + j];
    }
  }
  return true;
}

void qr(const Matrix& a, std::size_t m, std::size_t n, Matrix& q, Matrix& r) {
  const std::size_t k = std::min(m, n);
  q.assign(m * k, 0);
  r.assign(k * n, 0);
  for (std::size_t j = 0; j < n; ++j) {
    std::vector<double> v(m);
    for (std::size_t i = 0; i < m; ++i) v[i] = a[i * n + j];
    const std::size_t before = std::min(j, k);
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t c = 0; c < before; ++c) {
        double dot = 0;
        for (std::size_t i = 0; i < m; ++i) dot += q[i * k + c] * v[i];
        for (std::size_t i = 0; i < m; ++i) v[i] -= dot * q[i * k + c];
        r[c * n + j] += dot;
      }
    }
    if (j >= k) continue;
    const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    r[j * n + j] = norm;
    for (std::size_t i = 0; i < m && norm > 0; ++i) q[i * k + j] = v[i] / norm;
  }
}

void eigh(const Matrix& given, std::size_t n, std::vector<double>& values, Matrix& vectors) {
  Matrix a(n * n);
  Matrix v(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    v[i * n + i] = 1;
    for (std::size_t j = 0; j < n; ++j) a[i * n + j] = (given[i * n + j] + given[j * n + i]) / 2;
  }
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        off += std::fabs(apq);
        if (apq == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const double t = (theta < 0 ? -1 : 1) / (std::fabs(theta) + std::hypot(theta, 1));
        const double c = 1 / std::hypot(t, 1);
        const double s = t * c;
        for (std::size_t i = 0; i < n; ++i) {
          const double x = a[i * n + p];
          const double y = a[i * n + q];
          a[i * n + p] = c * x - s * y;
          a[i * n + q] = s * x + c * y;
        }
        for (std::size_t i = 0; i < n; ++i) {
          const double x = a[p * n + i];
          const double y = a[q * n + i];
          a[p * n + i] = c * x - s * y;
          a[q * n + i] = s * x + c * y;
          const double vx = v[i * n + p];
          const double vy = v[i * n + q];
          v[i * n + p] = c * vx - s * vy;
          v[i * n + q] = s * vx + c * vy;
        }
      }
    }
    if (off < 1e-300) break;
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return before(a[x * n + x], a[y * n + y]);
  });
  values.resize(n);
  vectors.assign(n * n, 0);
  for (std::size_t j = 0; j < n; ++j) {
    values[j] = a[order[j] * n + order[j]];
    for (std::size_t i = 0; i < n; ++i) vectors[i * n + j] = v[i * n + order[j]];
  }
  fix_signs<double>(vectors.data(), n, n, nullptr, 0);
}

Matrix transposed(const Matrix& a, std::size_t m, std::size_t n) {
  Matrix t(a.size());
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) t[j * m + i] = a[i * n + j];
  }
  return t;
}

namespace {

// One-sided Jacobi for m >= n: rotates the columns of w until they are orthogonal.
void svd_tall(Matrix w, std::size_t m, std::size_t n, Matrix& u, std::vector<double>& s,
              Matrix& vh) {
  Matrix v(n * n);
  for (std::size_t i = 0; i < n; ++i) v[i * n + i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double worst = 0;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        double alpha = 0;
        double beta = 0;
        double gamma = 0;
        for (std::size_t i = 0; i < m; ++i) {
          alpha += w[i * n + p] * w[i * n + p];
          beta += w[i * n + q] * w[i * n + q];
          gamma += w[i * n + p] * w[i * n + q];
        }
        if (gamma == 0) continue;
        worst = std::max(worst, std::fabs(gamma) / std::sqrt(alpha * beta));
        const double zeta = (beta - alpha) / (2 * gamma);
        const double t = (zeta < 0 ? -1 : 1) / (std::fabs(zeta) + std::hypot(zeta, 1));
        const double c = 1 / std::hypot(t, 1);
        const double z = t * c;
        const auto rotate = [&](Matrix& x, std::size_t rows) {
          for (std::size_t i = 0; i < rows; ++i) {
            const double a = x[i * n + p];
            const double b = x[i * n + q];
            x[i * n + p] = c * a - z * b;
            x[i * n + q] = z * a + c * b;
          }
        };
        rotate(w, m);
        rotate(v, n);
      }
    }
    if (worst < 1e-16) break;
  }
  std::vector<double> norms(n);
  for (std::size_t j = 0; j < n; ++j) {
    double total = 0;
    for (std::size_t i = 0; i < m; ++i) total += w[i * n + j] * w[i * n + j];
    norms[j] = std::sqrt(total);
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return before(norms[y], norms[x]); });
  u.assign(m * n, 0);
  vh.assign(n * n, 0);
  s.resize(n);
  for (std::size_t j = 0; j < n; ++j) {
    const std::size_t from = order[j];
    s[j] = norms[from];
    for (std::size_t i = 0; i < m && s[j] > 0; ++i) u[i * n + j] = w[i * n + from] / s[j];
    for (std::size_t i = 0; i < n; ++i) vh[j * n + i] = v[i * n + from];
  }
}

}  // namespace

void svd(const Matrix& a, std::size_t m, std::size_t n, Matrix& u, std::vector<double>& s,
         Matrix& vh) {
  if (m >= n) {
    svd_tall(a, m, n, u, s, vh);
  } else {
    Matrix ut;
    Matrix v;
    svd_tall(transposed(a, m, n), n, m, v, s, ut);  // a^T = v s u^T
    u = transposed(ut, m, m);
    vh = transposed(v, n, m);
  }
  fix_signs(u.data(), m, std::min(m, n), vh.data(), n);
}

namespace {

// a = u diag(s) vh with u square and orthonormal also where s is 0, and det(u) det(vh).
struct Frame {
  Matrix u, vh;
  std::vector<double> s;
  double sign;
};

Frame frame_of(const Matrix& a, std::size_t n) {
  Frame f;
  svd(a, n, n, f.u, f.s, f.vh);
  const double tiny = n > 0 ? 1e-15 * static_cast<double>(n) * f.s[0] : 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (f.s[j] > tiny) continue;
    // What is orthogonal to the columns before: of all axes the one that has most of it.
    double best = -1;
    std::vector<double> found(n);
    for (std::size_t axis = 0; axis < n; ++axis) {
      std::vector<double> v(n);
      v[axis] = 1;
      for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t c = 0; c < j; ++c) {
          double dot = 0;
          for (std::size_t i = 0; i < n; ++i) dot += f.u[i * n + c] * v[i];
          for (std::size_t i = 0; i < n; ++i) v[i] -= dot * f.u[i * n + c];
        }
      }
      const double norm = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
      if (!(norm > best)) continue;
      best = norm;
      for (std::size_t i = 0; i < n; ++i) found[i] = v[i] / norm;
    }
    for (std::size_t i = 0; i < n; ++i) f.u[i * n + j] = found[i];
  }
  Matrix none;
  double log = 0;
  double sign_u = 1;
  double sign_v = 1;
  eliminate(f.u, none, n, 0, sign_u, log);
  eliminate(f.vh, none, n, 0, sign_v, log);
  f.sign = sign_u * sign_v;
  return f;
}

// sign u m vh.
Matrix framed(const Frame& f, const Matrix& m, std::size_t n) {
  Matrix half(n * n);
  Matrix out(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) half[i * n + j] += f.u[i * n + k] * m[k * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) {
        out[i * n + j] += f.sign * half[i * n + k] * f.vh[k * n + j];
      }
    }
  }
  return out;
}

// The product of all s but those at i and j, which may be equal.
double product_without(const std::vector<double>& s, std::size_t i, std::size_t j) {
  double product = 1;
  for (std::size_t k = 0; k < s.size(); ++k) product *= k == i || k == j ? 1 : s[k];
  return product;
}

}  // namespace

Matrix cofactors(const Matrix& a, std::size_t n) {
  const Frame f = frame_of(a, n);
  Matrix m(n * n);
  for (std::size_t i = 0; i < n; ++i) m[i * n + i] = product_without(f.s, i, i);
  return framed(f, m, n);
}

// det(diag(s) + t x + r y) has at t r the sum over i < j of the product of the other s times
// x_ii y_jj + x_jj y_ii - x_ij y_ji - x_ji y_ij.
Matrix cofactors_gradient(const Matrix& a, const Matrix& ct, std::size_t n) {
  const Frame f = frame_of(a, n);
  Matrix half(n * n);  // u^T ct
  Matrix y(n * n);     // u^T ct v
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) half[i * n + j] += f.u[k * n + i] * ct[k * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) y[i * n + j] += half[i * n + k] * f.vh[j * n + k];
    }
  }
  Matrix m(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double others = product_without(f.s, i, j);
      m[i * n + i] += others * y[j * n + j];
      m[i * n + j] -= others * y[j * n + i];
    }
  }
  return framed(f, m, n);
}

}  // namespace nacre::matrix_algorithms
