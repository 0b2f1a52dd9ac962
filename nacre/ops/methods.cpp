// The methods of Tensor: each is the free function of its name.
#include <fmt/format.h>

#include "nacre/ops/aliases.h"
#include "nacre/ops/api.h"

namespace nacre {

#define NACRE_ROW(name) \
  Tensor Tensor::name(Location at) const { return nacre::name({*this, at}); }
NACRE_UNARY_METHODS(NACRE_ROW)
#undef NACRE_ROW
#define NACRE_ROW(name)                                          \
  Tensor Tensor::name(const Operand& other, Location at) const { \
    return nacre::name({*this, at}, other);                      \
  }
NACRE_BINARY_METHODS(NACRE_ROW)
#undef NACRE_ROW
#define NACRE_ROW(name)                                                      \
  Tensor Tensor::name(const Axes& axes, bool keep_dims, Location at) const { \
    return nacre::name({*this, at}, axes, {keep_dims});                      \
  }
NACRE_REDUCTION_METHODS(NACRE_ROW)
#undef NACRE_ROW

Tensor Tensor::argmax(int axis, bool keep_dims, Location at) const {
  return nacre::argmax({*this, at}, axis, keep_dims);
}
Tensor Tensor::argmin(int axis, bool keep_dims, Location at) const {
  return nacre::argmin({*this, at}, axis, keep_dims);
}
Tensor Tensor::norm(double p, const Axes& axes, bool keep_dims, Location at) const {
  return nacre::norm({*this, at}, p, axes, keep_dims);
}
Tensor Tensor::softmax(int axis, Location at) const { return nacre::softmax({*this, at}, axis); }
Tensor Tensor::log_softmax(int axis, Location at) const {
  return nacre::log_softmax({*this, at}, axis);
}
Tensor Tensor::cumsum(int axis, Location at) const { return nacre::cumsum({*this, at}, axis); }
Tensor Tensor::cumprod(int axis, Location at) const { return nacre::cumprod({*this, at}, axis); }
Tensor Tensor::clamp(const Operand& low, const Operand& high, Location at) const {
  return nacre::clamp({*this, at}, low, high);
}
Tensor Tensor::clip(const Operand& low, const Operand& high, Location at) const {
  return nacre::clamp({*this, at}, low, high);
}

Tensor Tensor::clamp_min(const Operand& low, Location at) const {
  return nacre::clamp_min({*this, at}, low);
}
Tensor Tensor::clamp_max(const Operand& high, Location at) const {
  return nacre::clamp_max({*this, at}, high);
}
Tensor Tensor::leaky_relu(double slope, Location at) const {
  return nacre::leaky_relu({*this, at}, slope);
}
Tensor Tensor::lerp(const Operand& other, const Operand& weight, Location at) const {
  return nacre::lerp({*this, at}, other, weight);
}
Tensor Tensor::quantile(double q, const Axes& axes, bool keep_dims, Location at) const {
  return nacre::quantile({*this, at}, q, axes, keep_dims);
}
bool Tensor::allclose(const Operand& other, double rtol, double atol) const {
  return nacre::allclose(*this, other, rtol, atol);
}

Tensor Tensor::reshape(std::initializer_list<std::int64_t> dims, Location at) const {
  return nacre::reshape({*this, at}, dims);
}
Tensor Tensor::reshape(const Shape& shape, Location at) const {
  return nacre::reshape({*this, at}, shape);
}
Tensor Tensor::reshape_listed(std::vector<std::int64_t> dims, Location at) const {
  return nacre::reshape({*this, at}, dims);
}
Tensor Tensor::view(std::initializer_list<std::int64_t> dims, Location at) const {
  return nacre::reshape({*this, at}, dims);
}
Tensor Tensor::view(const Shape& shape, Location at) const {
  return nacre::reshape({*this, at}, shape);
}
Tensor Tensor::flatten(int first, int last, Location at) const {
  return nacre::flatten({*this, at}, first, last);
}
Tensor Tensor::ravel(Location at) const { return nacre::ravel({*this, at}); }
Tensor Tensor::squeeze(const Axes& axes, Location at) const {
  return nacre::squeeze({*this, at}, axes);
}
Tensor Tensor::unsqueeze(const Axes& axes, Location at) const {
  return nacre::expand_dims({*this, at}, axes);
}
Tensor Tensor::expand_dims(const Axes& axes, Location at) const {
  return nacre::expand_dims({*this, at}, axes);
}
Tensor Tensor::transpose(std::vector<int> axes, Location at) const {
  return nacre::transpose({*this, at}, axes);
}
Tensor Tensor::permute(std::vector<int> axes, Location at) const {
  return nacre::transpose({*this, at}, axes);
}
Tensor Tensor::swap_axes(int a, int b, Location at) const {
  return nacre::swap_axes({*this, at}, a, b);
}
Tensor Tensor::swapaxes(int a, int b, Location at) const {
  return nacre::swap_axes({*this, at}, a, b);
}
Tensor Tensor::t(Location at) const { return nacre::transpose({*this, at}); }
Tensor Tensor::T(Location at) const { return nacre::transpose({*this, at}); }
Tensor Tensor::broadcast_to(const Shape& shape, Location at) const {
  return nacre::broadcast_to({*this, at}, shape);
}
Tensor Tensor::expand(std::initializer_list<std::int64_t> dims, Location at) const {
  return nacre::expand({*this, at}, dims);
}
Tensor Tensor::expand_listed(std::vector<std::int64_t> dims, Location at) const {
  return nacre::expand({*this, at}, dims);
}
Tensor Tensor::expand_as(const Tensor& other, Location at) const {
  return nacre::broadcast_to({*this, at}, other.shape());
}
Tensor Tensor::tile(std::initializer_list<std::int64_t> repeats, Location at) const {
  return nacre::tile({*this, at}, repeats);
}
Tensor Tensor::tile_listed(std::vector<std::int64_t> repeats, Location at) const {
  return nacre::tile({*this, at}, repeats);
}
Tensor Tensor::repeat(std::int64_t count, int axis, Location at) const {
  return nacre::repeat({*this, at}, count, axis);
}
Tensor Tensor::roll(std::int64_t shift, const Axes& axes, Location at) const {
  return nacre::roll({*this, at}, shift, axes);
}
Tensor Tensor::flip(const Axes& axes, Location at) const { return nacre::flip({*this, at}, axes); }
Tensor Tensor::tril(int diagonal, Location at) const { return nacre::tril({*this, at}, diagonal); }
Tensor Tensor::triu(int diagonal, Location at) const { return nacre::triu({*this, at}, diagonal); }
Tensor Tensor::diagonal(int offset, int axis1, int axis2, Location at) const {
  return nacre::diagonal({*this, at}, offset, axis1, axis2);
}
Tensor Tensor::diag(int offset, Location at) const { return nacre::diag({*this, at}, offset); }
Tensor Tensor::trace(int offset, Location at) const { return nacre::trace({*this, at}, offset); }
Tensors Tensor::split(int parts, int axis, Location at) const {
  return nacre::split({*this, at}, parts, axis);
}
Tensors Tensor::split(const std::vector<std::int64_t>& sizes, int axis, Location at) const {
  return nacre::split({*this, at}, sizes, axis);
}
Tensors Tensor::chunk(int parts, int axis, Location at) const {
  return nacre::chunk({*this, at}, parts, axis);
}
Tensors Tensor::unbind(int axis, Location at) const { return nacre::unstack({*this, at}, axis); }
Tensors Tensor::unstack(int axis, Location at) const { return nacre::unstack({*this, at}, axis); }

Tensor Tensor::sort(int axis, bool descending, Location at) const {
  return nacre::sort({*this, at}, {.axis = axis, .descending = descending});
}
Tensor Tensor::argsort(int axis, bool descending, Location at) const {
  return nacre::argsort({*this, at}, {.axis = axis, .descending = descending});
}
Sorted Tensor::topk(std::int64_t k, int axis, bool largest, Location at) const {
  return nacre::topk({*this, at}, k, axis, largest);
}
Tensor Tensor::gather(int axis, const Tensor& indices, Location at) const {
  return nacre::gather({*this, at}, axis, indices);
}
Tensor Tensor::scatter(int axis, const Tensor& indices, const Operand& updates, Location at) const {
  return nacre::put_along_axis({*this, at}, indices, updates, axis);
}
Tensor Tensor::scatter_add(int axis, const Tensor& indices, const Operand& updates,
                           Location at) const {
  return nacre::put_along_axis({*this, at}, indices, updates, axis, ScatterMode::add);
}
Tensor Tensor::index_select(int axis, const Tensor& indices, Location at) const {
  return nacre::index_select({*this, at}, axis, indices);
}
Tensor Tensor::take(const Tensor& indices, int axis, Location at) const {
  return nacre::gather({*this, at}, indices, axis);
}
Tensor Tensor::masked_fill(const Operand& mask, const Operand& value, Location at) const {
  return nacre::masked_fill({*this, at}, mask, value);
}
Tensor Tensor::masked_select(const Tensor& mask, Location at) const {
  return nacre::masked_select({*this, at}, mask);
}
Tensor Tensor::where(const Operand& condition, const Operand& other, Location at) const {
  return nacre::where(condition, {*this, at}, other);
}
Tensor Tensor::nonzero(Location at) const { return nacre::nonzero({*this, at}); }
Tensor Tensor::narrow(int axis, std::int64_t start, std::int64_t length, Location at) const {
  return nacre::narrow({*this, at}, axis, start, length);
}
Tensor Tensor::select(int axis, std::int64_t i, Location at) const {
  return nacre::select({*this, at}, axis, i);
}
Tensor Tensor::index(const std::vector<Index>& indices, Location at) const {
  return nacre::index({*this, at}, indices);
}
Tensor Tensor::operator[](std::int64_t i) const {
  return nacre::index({*this, Location()}, {Index(static_cast<long long>(i))});
}
Tensor Tensor::operator[](const Index& rows) const {
  return nacre::index({*this, Location()}, {rows});
}
Tensor Tensor::operator[](std::initializer_list<Index> indices) const {
  return nacre::index({*this, Location()}, indices);
}

Tensor Tensor::to(DType dtype, Location at) const { return nacre::cast({*this, at}, dtype); }
Tensor Tensor::astype(DType dtype, Location at) const { return nacre::cast({*this, at}, dtype); }
Tensor Tensor::detach(Location at) const { return nacre::stop_gradient({*this, at}); }

// What aliases.h declares without a body.
Tensor vstack(const OperandList& tensors) {
  Tensors rows;
  for (const Tensor& t : tensors.tensors()) {
    rows.push_back(t.rank() < 2 ? nacre::reshape({t, tensors.at()}, {1, -1}) : t);
  }
  return concatenate(OperandList(rows, tensors.at()), 0);
}
Tensor hstack(const OperandList& tensors) {
  const bool vectors = !tensors.tensors().empty() && tensors.tensors()[0].rank() < 2;
  return concatenate(tensors, vectors ? 0 : 1);
}
Tensor roll(const Operand& x, std::int64_t shift, const Axes& axes) {
  return roll(x, std::vector<std::int64_t>(axes.empty() ? 1 : axes.size(), shift), axes);
}
bool array_equal(const Operand& a, const Operand& b) {
  return a.tensor().shape() == b.tensor().shape() && all(equal(a, b)).item<bool>();
}
Tensor narrow(const Operand& x, int axis, std::int64_t start, std::int64_t length) {
  const std::int64_t size = x.tensor().size(axis);
  const std::int64_t from = start < 0 ? start + size : start;
  if (from < 0 || length < 0 || from + length > size) {
    throw ValueError(format_error(
        {.op = "narrow",
         .what = fmt::format("{} elements from {} on of an axis of {}", length, start, size),
         .location = x.at()}));
  }
  return slice_axis(x, axis, slice(from, from + length));
}
Tensor select(const Operand& x, int axis, std::int64_t i) {
  return squeeze({narrow(x, axis, i, 1), x.at()}, axis);
}
Tensor diff(const Operand& x, int axis) {
  const Operand later(slice_axis(x, axis, slice(1, none)), x.at());
  return sub(later, slice_axis(x, axis, slice(-1)));
}
Tensor logspace(const Number& start, const Number& stop, std::int64_t count, DType dtype) {
  return cast(pow(10.0, linspace(start, stop, count, f64)), dtype);
}
Tensor expand(const Operand& x, const std::vector<std::int64_t>& dims) {
  const Tensor t = x.tensor();
  std::vector<std::int64_t> sizes = dims;
  const auto lead = static_cast<std::int64_t>(dims.size()) - t.rank();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::int64_t own = static_cast<std::int64_t>(i) - lead;
    if (sizes[i] == -1 && own >= 0) sizes[i] = t.shape()[static_cast<int>(own)];
  }
  return broadcast_to({t, x.at()}, Shape(sizes));
}

}  // namespace nacre
