// Loops over rows of f32 that normalisation, softmax and attention are made of, compiled for each
// instruction set and chosen when the program starts. n counts elements.
#pragma once

#include <cstddef>

namespace nacre::cpu {

// c[m x n] = a[m x k] b[k x n] (or += with `add`). Element (i, j) of a lies at i * a_row + j *
// a_col; rows of b and c are contiguous.
struct GemmArguments {
  std::size_t m, n, k;
  const float* a;
  std::size_t a_row, a_col;
  const float* b;
  std::size_t b_row;
  float* c;
  std::size_t c_row;
  bool add;
};

struct RowOps {
  float (*sum)(const float* x, std::size_t n);
  float (*max)(const float* x, std::size_t n);
  float (*dot)(const float* x, const float* y, std::size_t n);
  // sum of (x - shift)^2
  float (*squares)(const float* x, float shift, std::size_t n);
  // sum of exp(x - shift), which goes to y unless that is null; y may be x
  float (*exp_sum)(const float* x, float shift, float* y, std::size_t n);
  // y = (x - shift) * scale * w + b; w and b may be null; y may be x
  void (*normalize)(const float* x, float shift, float scale, const float* w, const float* b,
                    float* y, std::size_t n);
  // y = x * scale + shift; y may be x
  void (*scale)(const float* x, float scale, float shift, float* y, std::size_t n);
  // With xhat = (x - mean) * r: sums[0] += sum(ct w), sums[1] += sum(ct w xhat), and, unless null,
  // dw += ct xhat, db += ct; w may be null (1).
  void (*norm_sums)(const float* ct, const float* x, float mean, float r, const float* w,
                    float* sums, float* dw, float* db, std::size_t n);
  // dx = scale * (ct w - a - xhat b); where w is null, all weights are `weight`
  void (*norm_gradient)(const float* ct, const float* x, float mean, float r, const float* w,
                        float weight, float scale, float a, float b, float* dx, std::size_t n);
  // The same four with one statistic a column.
  void (*column_add)(const float* x, float* sums, std::size_t n);
  void (*column_squares)(const float* x, const float* mean, float* sums, std::size_t n);
  void (*column_normalize)(const float* x, const float* mean, const float* scale, const float* b,
                           float* y, std::size_t n);
  void (*column_sums)(const float* ct, const float* x, const float* mean, const float* r,
                      float* sums, float* products, std::size_t n);
  // dx = scale * (ct - a - xhat * b)
  void (*column_gradient)(const float* ct, const float* x, const float* mean, const float* r,
                          const float* scale, const float* a, const float* b, float* dx,
                          std::size_t n);
  // ds = p * (dp - along) * scale
  void (*softmax_gradient)(const float* p, const float* dp, float along, float scale, float* ds,
                           std::size_t n);
  // y[j * y_row + i] = x[i * x_row + j] for i < rows, j < columns
  void (*transpose)(const float* x, std::size_t x_row, float* y, std::size_t y_row,
                    std::size_t rows, std::size_t columns);
  void (*gemm)(const GemmArguments& g);
  // y += x * scale
  void (*add_scaled)(const float* x, float scale, float* y, std::size_t n);
  // top = max(top, x); NaN wins
  void (*pool_max)(const float* x, float* top, std::size_t n);
  // Where x is the maximum `top`, dx takes over what is `left` of the gradient.
  void (*pool_route)(const float* x, const float* top, float* left, float* dx, std::size_t n);
  // y[i] = max of elements 2 i and 2 i + 1 of two rows, and its gradient, to the first maximum;
  // with `relu` only to a positive one
  void (*max_2x2)(const float* first, const float* second, float* y, std::size_t n);
  void (*max_2x2_gradient)(const float* first, const float* second, const float* ct, float* dfirst,
                           float* dsecond, std::size_t n, bool relu);
};

const RowOps& row_ops();

}  // namespace nacre::cpu
