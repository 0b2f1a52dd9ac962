// The loops of normalisation in double, beside those of RowOps in float, whose names they bear.
#pragma once

#include <cstddef>
#include <type_traits>

#include "nacre/kernels/cpu/reduce/rows.h"

namespace nacre::cpu {

struct DoubleRows {
  // term(i) summed in four independent sums.
  template <class F>
  static double sum_of(std::size_t n, F&& term) {
    double s[4] = {};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (std::size_t k = 0; k < 4; ++k) s[k] += term(i + k);
    }
    for (; i < n; ++i) s[0] += term(i);
    return (s[0] + s[1]) + (s[2] + s[3]);
  }
  static double sum(const double* x, std::size_t n) {
    return sum_of(n, [&](std::size_t i) { return x[i]; });
  }
  static double squares(const double* x, double shift, std::size_t n) {
    return sum_of(n, [&](std::size_t i) { return (x[i] - shift) * (x[i] - shift); });
  }
  static void normalize(const double* x, double shift, double scale, const double* w,
                        const double* b, double* y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const double v = (x[i] - shift) * scale * (w ? w[i] : 1);
      y[i] = b ? v + b[i] : v;
    }
  }
  static void scale(const double* x, double factor, double shift, double* y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = x[i] * factor + shift;
  }
  static void norm_sums(const double* ct, const double* x, double mean, double r, const double* w,
                        double* sums, double* dw, double* db, std::size_t n) {
    const auto xhat = [&](std::size_t i) { return (x[i] - mean) * r; };
    if (dw) {
      for (std::size_t i = 0; i < n; ++i) dw[i] += ct[i] * xhat(i);
    }
    if (db) column_add(ct, db, n);
    sums[0] += sum_of(n, [&](std::size_t i) { return w ? ct[i] * w[i] : ct[i]; });
    sums[1] += sum_of(n, [&](std::size_t i) { return (w ? ct[i] * w[i] : ct[i]) * xhat(i); });
  }
  static void norm_gradient(const double* ct, const double* x, double mean, double r,
                            const double* w, double weight, double factor, double a, double b,
                            double* dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const double along = a + (x[i] - mean) * r * b;
      dx[i] = factor * (ct[i] * (w ? w[i] : weight) - along);
    }
  }
  static void column_add(const double* x, double* sums, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sums[i] += x[i];
  }
  static void column_squares(const double* x, const double* mean, double* sums, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) sums[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
  }
  static void column_normalize(const double* x, const double* mean, const double* factor,
                               const double* b, double* y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] - mean[i]) * factor[i] + (b ? b[i] : 0);
  }
  static void column_sums(const double* ct, const double* x, const double* mean, const double* r,
                          double* sums, double* products, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      sums[i] += ct[i];
      products[i] += ct[i] * ((x[i] - mean[i]) * r[i]);
    }
  }
  static void column_gradient(const double* ct, const double* x, const double* mean,
                              const double* r, const double* factor, const double* a,
                              const double* b, double* dx, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      const double xhat = (x[i] - mean[i]) * r[i];
      dx[i] = factor[i] * (ct[i] - (a[i] + xhat * b[i]));
    }
  }
};

// The loops for float or double.
template <class T>
decltype(auto) norm_rows() {
  if constexpr (std::is_same_v<T, float>) {
    return row_ops();
  } else {
    return DoubleRows();
  }
}

}  // namespace nacre::cpu
