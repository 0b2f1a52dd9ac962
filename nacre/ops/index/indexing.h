// Indexing as NumPy has it: x.index({2, slice(1, 5), ellipsis, newaxis}), with integers, slices,
// masks and tensors of integers, and the functional form of assignment to such places.
#pragma once

#include <variant>

#include "nacre/ops/shape/slice.h"

namespace nacre {

// As many whole axes as are not named.
struct Ellipsis {};
inline constexpr Ellipsis ellipsis;
// A new axis of size 1.
struct NewAxis {};
inline constexpr NewAxis newaxis;

// One item of an index:
// - an integer takes one element of an axis, which goes away;
// - a slice takes a part of an axis;
// - a tensor of integers takes the named elements; several such tensors (and then plain integers
//   too) broadcast together, and their common shape stands where they stood, or in front when
//   something else stands between them;
// - a tensor of booleans, of the sizes of the axes it covers, takes the elements where it is true.
//   How many depends on its values: in a traced function it must be a constant (TraceError).
struct Index {
  Index(int i) : item(static_cast<std::int64_t>(i)) {}
  Index(long i) : item(static_cast<std::int64_t>(i)) {}
  Index(long long i) : item(static_cast<std::int64_t>(i)) {}
  Index(Slice s) : item(s) {}
  Index(Ellipsis e) : item(e) {}
  Index(NewAxis n) : item(n) {}
  Index(const Tensor& t) : item(t) {}

  std::variant<std::int64_t, Slice, Ellipsis, NewAxis, Tensor> item;
};

// x[indices]. Throws ValueError for too many items or an integer out of range, DTypeError for
// tensors of floats; integers in tensors are checked when the op runs.
Tensor index(const Operand& x, const std::vector<Index>& indices);

// x with x[indices] replaced by (increased by; by the larger or smaller of both) `values`, which
// broadcasts to the shape of x[indices]. Of several values for one place the last one stays, all
// are added. The gradient flows to x and to `values`.
Tensor index_update(const Operand& x, const std::vector<Index>& indices, const Operand& values);
Tensor index_add(const Operand& x, const std::vector<Index>& indices, const Operand& values);
Tensor index_max(const Operand& x, const std::vector<Index>& indices, const Operand& values);
Tensor index_min(const Operand& x, const std::vector<Index>& indices, const Operand& values);

// The coordinates of the elements that are not zero, as i64 [count, rank], in row-major order. Not
// for traced tensors (TraceError): the shape depends on the values.
Tensor nonzero(const Operand& x);
// The elements where the mask holds, as a vector; the mask broadcasts to x. Not for traced masks.
Tensor masked_select(const Operand& x, const Operand& mask);

}  // namespace nacre
