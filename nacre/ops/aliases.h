// Functions by the names that PyTorch and NumPy give them. Each is the function it calls, and
// nothing of its own: look there for what it does.
#pragma once

#include "nacre/ops/define/structural.h"
#include "nacre/ops/elementwise/elementwise.h"
#include "nacre/ops/image/conv.h"
#include "nacre/ops/image/pool.h"
#include "nacre/ops/index/gather.h"
#include "nacre/ops/index/indexing.h"
#include "nacre/ops/index/scatter.h"
#include "nacre/ops/index/sort.h"
#include "nacre/ops/linalg/linalg.h"
#include "nacre/ops/product/matmul.h"
#include "nacre/ops/product/products.h"
#include "nacre/ops/reduce/reduce.h"
#include "nacre/ops/reduce/statistics.h"
#include "nacre/ops/shape/movement.h"
#include "nacre/ops/shape/rearrange.h"
#include "nacre/ops/shape/slice.h"

namespace nacre {

// Asking.
inline std::int64_t numel(const Tensor& x) { return x.elements(); }
inline int ndim(const Tensor& x) { return x.rank(); }
inline Tensor empty_like(const Operand& like) { return zeros_like(like); }

// Elementwise.
inline Tensor negative(const Operand& x) { return neg(x); }
inline Tensor absolute(const Operand& x) { return abs(x); }
inline Tensor clip(const Operand& x, const Operand& low, const Operand& high) {
  return clamp(x, low, high);
}
inline Tensor clamp_min(const Operand& x, const Operand& low) { return maximum(x, low); }
inline Tensor clamp_max(const Operand& x, const Operand& high) { return minimum(x, high); }
inline Tensor subtract(const Operand& a, const Operand& b) { return sub(a, b); }
inline Tensor multiply(const Operand& a, const Operand& b) { return mul(a, b); }
inline Tensor divide(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor true_divide(const Operand& a, const Operand& b) { return div(a, b); }
inline Tensor mod(const Operand& a, const Operand& b) { return remainder(a, b); }
inline Tensor power(const Operand& a, const Operand& b) { return pow(a, b); }
inline Tensor arcsin(const Operand& x) { return asin(x); }
inline Tensor arccos(const Operand& x) { return acos(x); }
inline Tensor arctan(const Operand& x) { return atan(x); }
inline Tensor arctan2(const Operand& y, const Operand& x) { return atan2(y, x); }
inline Tensor isnan(const Operand& x) { return is_nan(x); }
inline Tensor isinf(const Operand& x) { return is_inf(x); }
inline Tensor isfinite(const Operand& x) { return is_finite(x); }
inline Tensor eq(const Operand& a, const Operand& b) { return equal(a, b); }
inline Tensor ne(const Operand& a, const Operand& b) { return not_equal(a, b); }
inline Tensor lt(const Operand& a, const Operand& b) { return less(a, b); }
inline Tensor le(const Operand& a, const Operand& b) { return less_equal(a, b); }
inline Tensor gt(const Operand& a, const Operand& b) { return greater(a, b); }
inline Tensor ge(const Operand& a, const Operand& b) { return greater_equal(a, b); }
inline Tensor isclose(const Operand& a, const Operand& b, double rtol = 1e-5, double atol = 1e-8) {
  return is_close(a, b, rtol, atol);
}
// The answer itself, as in PyTorch and NumPy; not for traced tensors (TraceError).
inline bool allclose(const Operand& a, const Operand& b, double rtol = 1e-5, double atol = 1e-8) {
  return all_close(a, b, rtol, atol).item<bool>();
}
// Whether shapes and all elements are equal.
bool array_equal(const Operand& a, const Operand& b);
inline Tensor hardtanh(const Operand& x) { return hard_tanh(x); }
inline Tensor hardsigmoid(const Operand& x) { return hard_sigmoid(x); }
inline Tensor hardswish(const Operand& x) { return hard_swish(x); }
inline Tensor logsigmoid(const Operand& x) { return log_sigmoid(x); }
inline Tensor swish(const Operand& x) { return silu(x); }
inline Tensor astype(const Operand& x, DType dtype) { return cast(x, dtype); }

// Reductions. Variances are of a population unless a correction is given, as in NumPy and Keras.
inline Tensor amax(const Operand& x, const Axes& axes = {}, bool keep_dims = false) {
  return max(x, axes, keep_dims);
}
inline Tensor amin(const Operand& x, const Axes& axes = {}, bool keep_dims = false) {
  return min(x, axes, keep_dims);
}
// Of two tensors: maximum(), minimum().
template <std::same_as<Tensor> T>
Tensor max(const Operand& a, const T& b) {
  return maximum(a, b);
}
template <std::same_as<Tensor> T>
Tensor min(const Operand& a, const T& b) {
  return minimum(a, b);
}
inline Tensor average(const Operand& x, const Axes& axes = {}, bool keep_dims = false) {
  return mean(x, axes, keep_dims);
}
inline Tensor var(const Operand& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  return variance(x, axes, options);
}
// Under `using namespace nacre` std(x) cannot be told from the namespace: nacre::std(x), stddev(x)
// or x.std().
inline Tensor std(const Operand& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  return standard_deviation(x, axes, options);
}
inline Tensor stddev(const Operand& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  return standard_deviation(x, axes, options);
}

// Shapes.
inline Tensor view(const Operand& x, const std::vector<std::int64_t>& dims) {
  return reshape(x, dims);
}
inline Tensor ravel(const Operand& x) { return reshape(x, {-1}); }
inline Tensor unsqueeze(const Operand& x, const Axes& axes) { return expand_dims(x, axes); }
inline Tensor permute(const Operand& x, const Axes& axes) { return transpose(x, axes); }
inline Tensor transpose(const Operand& x, int a, int b) { return swap_axes(x, a, b); }
inline Tensor swapaxes(const Operand& x, int a, int b) { return swap_axes(x, a, b); }
inline Tensor movedim(const Operand& x, int from, int to) { return moveaxis(x, from, to); }
inline Tensor cat(const OperandList& tensors, int axis = 0) { return concatenate(tensors, axis); }
inline Tensor concat(const OperandList& tensors, int axis = 0) {
  return concatenate(tensors, axis);
}
inline Tensors unbind(const Operand& x, int axis = 0) { return unstack(x, axis); }
inline Tensor repeat_interleave(const Operand& x, std::int64_t count, int axis) {
  return repeat(x, count, axis);
}
// One shift along each of the axes.
Tensor roll(const Operand& x, std::int64_t shift, const Axes& axes = {});
inline Tensor flipud(const Operand& x) { return flip(x, 0); }
inline Tensor fliplr(const Operand& x) { return flip(x, 1); }
// Matrices below (beside) each other; vectors are rows, as in NumPy.
Tensor vstack(const OperandList& tensors);
Tensor hstack(const OperandList& tensors);
// broadcast_to with -1 for a size that stays.
Tensor expand(const Operand& x, const std::vector<std::int64_t>& dims);

inline Tensor clone(const Tensor& x) { return x.clone(); }
inline Tensor detach(const Operand& x) { return stop_gradient(x); }
// `length` elements of an axis from `start` on (ValueError unless they are there); element i of it,
// without the axis; what each element of it is more than the one before.
Tensor narrow(const Operand& x, int axis, std::int64_t start, std::int64_t length);
Tensor select(const Operand& x, int axis, std::int64_t i);
Tensor diff(const Operand& x, int axis = -1);
// 10 to the power of linspace().
Tensor logspace(const Number& start, const Number& stop, std::int64_t count, DType dtype = f32);

// Products.
inline Tensor mm(const Operand& a, const Operand& b) { return matmul(a, b); }
inline Tensor bmm(const Operand& a, const Operand& b) { return matmul(a, b); }
inline Tensor inv(const Operand& a) { return inverse(a); }
inline Tensor mv(const Operand& a, const Operand& b) { return matmul(a, b); }

// Order and choice. In PyTorch's order of arguments, the axis first, they have PyTorch's meaning.
inline Sorted topk(const Operand& x, std::int64_t k, int axis = -1, bool largest = true) {
  return top_k(x, k, {.axis = axis, .largest = largest});
}
template <std::same_as<int> Axis>
Tensor sort(const Operand& x, Axis axis, bool descending = false) {
  return sort(x, {.axis = axis, .descending = descending});
}
template <std::same_as<int> Axis>
Tensor argsort(const Operand& x, Axis axis, bool descending = false) {
  return argsort(x, {.axis = axis, .descending = descending});
}
inline Tensor argwhere(const Operand& x) { return nonzero(x); }
inline Tensor take(const Operand& x, const Operand& indices, int axis = 0) {
  return gather(x, indices, axis);
}
inline Tensor gather(const Operand& x, int axis, const Tensor& indices) {
  return take_along_axis(x, indices, axis);
}
inline Tensor index_select(const Operand& x, int axis, const Tensor& indices) {
  return index_select(x, Operand(indices, x.at()), axis);
}
inline Tensor scatter(const Operand& x, int axis, const Tensor& indices, const Operand& updates) {
  return put_along_axis(x, indices, updates, axis);
}
template <class T>
requires std::is_arithmetic_v<T> Tensor scatter(const Operand& x, int axis, const Tensor& indices,
                                                T value) {
  return put_along_axis(x, indices, Operand(Number(value), x.at()), axis);
}
inline Tensor scatter_add(const Operand& x, int axis, const Tensor& indices,
                          const Operand& updates) {
  return put_along_axis(x, indices, updates, axis, ScatterMode::add);
}

// Images. The shapes say how many axes there are.
#define NACRE_IMAGE_ALIASES(axes)                                                           \
  inline Tensor conv##axes(const Operand& x, const Operand& w, const ConvOptions& o = {}) { \
    return conv(x, w, o);                                                                   \
  }                                                                                         \
  inline Tensor conv##axes(const Operand& x, const Operand& w, const Operand& bias,         \
                           const ConvOptions& o = {}) {                                     \
    return conv(x, w, bias, o);                                                             \
  }                                                                                         \
  inline Tensor max_pool##axes(const Operand& x, First kernel) {                            \
    return max_pool(x, {.kernel_size = kernel.value});                                      \
  }                                                                                         \
  inline Tensor avg_pool##axes(const Operand& x, First kernel) {                            \
    return avg_pool(x, {.kernel_size = kernel.value});                                      \
  }
NACRE_IMAGE_ALIASES(1d)
NACRE_IMAGE_ALIASES(2d)
NACRE_IMAGE_ALIASES(3d)
#undef NACRE_IMAGE_ALIASES

}  // namespace nacre
