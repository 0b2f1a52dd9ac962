// How index tensors address slabs (runs of neighbouring elements) of an array: shared by the ops
// that gather from such places and the ones that scatter to them.
#pragma once

#include "nacre/ops/define/strided.h"

namespace nacre::op_defs {

enum class Addressing : std::uint8_t {
  axis,   // an index picks a whole slice of one axis: x[:, indices]
  along,  // an index picks one element, in its own place but for one axis
  nd,     // the last axis of the indices holds the coordinates of one slab
};

// Integers of any dtype.
class IndexArray {
 public:
  IndexArray(const void* data, DType dtype) : data_(data), dtype_(dtype) {}
  std::int64_t operator[](std::int64_t i) const {
    switch (dtype_) {
      case DType::i8:
        return static_cast<const std::int8_t*>(data_)[i];
      case DType::u8:
        return static_cast<const std::uint8_t*>(data_)[i];
      case DType::i32:
        return static_cast<const std::int32_t*>(data_)[i];
      default:
        return static_cast<const std::int64_t*>(data_)[i];
    }
  }

 private:
  const void* data_;
  DType dtype_;
};

// Throws ValueError: index `value`, element `flat` of the indices, leaves `axis` of size `size`.
[[noreturn]] void fail_index(std::string_view op, std::int64_t value, const Shape& indices,
                             std::int64_t flat, int axis, std::int64_t size);
// The same for numbers that name one of `size` classes, or rows of a table: negative ones count
// from the back only when asked for.
[[noreturn]] void fail_class(std::string_view op, std::int64_t value, const Shape& indices,
                             std::int64_t flat, std::int64_t size, bool negative);

// Whether the indices of a gather or scatter name rows of a table, by {rows}: they are not
// negative then, and errors speak of embedding.
inline bool names_rows(const Attrs& attrs) { return attrs.flag_or("rows", false); }

// Checks that input `i` holds integers, and for `along` and `nd` that its shape fits x; returns
// the shape of what gathering x by it gives.
Shape gathered_shape(const InferContext& c, Addressing how, std::size_t i);

// Calls f(offset in the gathered array, offset in x, elements) for each slab in order. Every index
// is checked before it is used; negative ones count from the back, but for names_rows().
template <class F>
void for_each_slab(std::string_view op, Addressing how, const Attrs& attrs, const Shape& x,
                   const Spec& indices, const void* index_data, F&& f) {
  const IndexArray index(index_data, indices.dtype);
  const Shape& shape = indices.shape;
  const std::int64_t count = shape.elements();
  const bool rows = names_rows(attrs);
  const auto checked = [&](std::int64_t i, int of_axis) {
    const std::int64_t n = x[of_axis];
    const std::int64_t value = index[i];
    if (rows && (value < 0 || value >= n)) fail_class("embedding", value, shape, i, n, false);
    if (value < -n || value >= n) fail_index(op, value, shape, i, of_axis, n);
    return value < 0 ? value + n : value;
  };
  if (how == Addressing::nd) {
    const int depth = static_cast<int>(shape.at_back(-1));
    const auto strides = row_major_strides(x);
    std::int64_t slab = 1;
    for (int i = depth; i < x.rank(); ++i) slab *= x[i];
    std::int64_t slabs = 1;
    for (int i = 0; i + 1 < shape.rank(); ++i) slabs *= shape[i];
    for (std::int64_t s = 0; s < slabs; ++s) {
      std::int64_t offset = 0;
      for (int i = 0; i < depth; ++i) {
        offset += checked(s * depth + i, i) * strides[static_cast<std::size_t>(i)];
      }
      f(s * slab, offset, slab);
    }
    return;
  }
  const std::int64_t axis = attrs.integer("axis");
  const int a = static_cast<int>(axis < 0 ? axis + x.rank() : axis);
  const AxisView view(x, a);
  if (how == Addressing::axis) {
    for (std::int64_t i = 0; i < count; ++i) static_cast<void>(checked(i, a));
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < count; ++i) {
        f((o * count + i) * view.inner, (o * view.length + checked(i, a)) * view.inner, view.inner);
      }
    }
    return;
  }
  const std::int64_t length = shape[a];
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t outer = i / (length * view.inner);
    f(i, (outer * view.length + checked(i, a)) * view.inner + i % view.inner, 1);
  }
}

}  // namespace nacre::op_defs
